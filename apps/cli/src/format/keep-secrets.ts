import { createRedact } from '@pgstow/shared/runtime/log/redact.ts';

const kept: string[] = [];
let redact = createRedact(kept);

/**
 * Keeps secrets out of all that is written to stderr from now on. Messages of a server or a store stand there, and these may repeat
 * a key that they refuse.
 */
export function keepSecrets(secrets: readonly string[]): void {
  if (kept.length === 0 && secrets.length > 0) coverStderr();
  kept.push(...secrets);
  redact = createRedact(kept);
}

/** Removes secrets from a message of a server or a store that goes to stdout. */
export function withoutSecrets(text: string): string {
  return redact(text);
}

function coverStderr(): void {
  const write = process.stderr.write.bind(process.stderr) as (...args: readonly unknown[]) => boolean;
  process.stderr.write = (text: unknown, ...rest: readonly unknown[]): boolean =>
    write(typeof text === 'string' ? redact(text) : text, ...rest);
}
