import { formatTarget, type Target } from '@pgstow/shared/contract/target.ts';

/**
 * Time after which a target's scheduled run begins: a share of the jitter that is always the same for it, and spreads targets evenly.
 *
 * @param jitterMs time over which runs are spread
 */
export function startsAfterMs(target: Target, jitterMs: number): number {
  // FNV-1a: https://www.rfc-editor.org/rfc/rfc9923
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(formatTarget(target))) hash = Math.imul(hash ^ byte, 0x01000193);
  // The last bytes of a name change its lowest bits alone; the high ones come from all of them after one more mixing.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return Math.floor(((hash >>> 0) / 2 ** 32) * jitterMs);
}
