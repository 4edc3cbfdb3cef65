import { createHash } from 'node:crypto';

/**
 * UUID of a run, which every process derives from the same seed: version 8, made from the seed's SHA-256.
 * Source: https://www.rfc-editor.org/rfc/rfc9562#name-example-of-a-uuidv8-value-n
 */
export function runIdOf(seed: string): string {
  const bytes = createHash('sha256').update(seed).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
