import { createRedact } from '@pgstow/shared/runtime/redact.ts';

const kept: string[] = [];
let redact = createRedact(kept);

/**
 * Keeps secrets from now on out of all that a verb writes to stderr: what stands there is often the word of a server or a
 * store, which may repeat a key that it refuses.
 */
export function keepSecrets(secrets: readonly string[]): void {
  if (kept.length === 0 && secrets.length > 0) coverStderr();
  kept.push(...secrets);
  redact = createRedact(kept);
}

/** For the word of a server or a store that goes to stdout. */
export function withoutSecrets(text: string): string {
  return redact(text);
}

function coverStderr(): void {
  const write = process.stderr.write.bind(process.stderr) as (...args: readonly unknown[]) => boolean;
  process.stderr.write = (text: unknown, ...rest: readonly unknown[]): boolean =>
    write(typeof text === 'string' ? redact(text) : text, ...rest);
}
