/** Keeps the end of a program's output, where the reason of a failure stands. More would let the program fill our memory. */
export function keepTail(stream: NodeJS.ReadableStream, characters = 4000): () => string {
  let tail = '';
  stream.on('data', (chunk: Buffer) => (tail = (tail + chunk.toString()).slice(-characters)));
  return () => tail.trim();
}

/** Keeps the beginning of a program's output. */
export function keepHead(stream: NodeJS.ReadableStream, characters = 4000): () => string {
  let head = '';
  stream.on('data', (chunk: Buffer) => {
    if (head.length < characters) head = (head + chunk.toString()).slice(0, characters);
  });
  return () => head.trim();
}

/** Describes how a program ended, as the rest of a sentence that its name begins. */
export function describeEnd(result: {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly originalMessage?: string | undefined;
}): string {
  if (result.signal !== undefined) return `was ended by ${result.signal}`;
  if (result.exitCode !== undefined) return `exited with code ${result.exitCode}`;
  return `could not be started (${result.originalMessage ?? 'unknown reason'})`;
}
