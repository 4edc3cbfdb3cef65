/** Keeps the end of what a program says: the reason is there, and a talkative program must not fill our memory. */
export function keepTail(stream: NodeJS.ReadableStream, characters = 4000): () => string {
  let tail = '';
  stream.on('data', (chunk: Buffer) => (tail = (tail + chunk.toString()).slice(-characters)));
  return () => tail.trim();
}

/** How a program ended, to follow its name in a sentence. */
export function describeEnd(result: {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly originalMessage?: string | undefined;
}): string {
  if (result.signal !== undefined) return `was ended by ${result.signal}`;
  if (result.exitCode !== undefined) return `exited with code ${result.exitCode}`;
  return `could not be started (${result.originalMessage ?? 'unknown reason'})`;
}
