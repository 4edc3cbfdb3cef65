import { createHash } from 'node:crypto';
import type { Finding } from '@pgstow/shared/contract/finding.ts';

/**
 * Makes a finding, whose key depends on the given identity alone.
 *
 * @param difference a sentence for people; a later version may say it in other words
 * @param identity what differs, and each side of it: a digest, a number, or nothing. Another value makes another finding.
 */
export function makeFinding(difference: string, ...identity: readonly (string | number)[]): Finding {
  const key = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 16);
  return { key, difference };
}
