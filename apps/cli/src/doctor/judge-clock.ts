import { describeDuration } from '@pgstow/catalog/policy/describe-duration.ts';
import { findingOf, type Finding } from './check.ts';

const WARN_MS = 10_000;

/** Judges another machine's clock. @param skewMs how far it is ahead of ours */
export function judgeClock(check: Finding['check'], whose: string, skewMs: number): Finding {
  const off = Math.abs(skewMs);
  if (off < WARN_MS) return findingOf(check).ok(`${whose} agrees with this machine's`);
  return findingOf(check).warning(
    `${whose} is ${describeDuration(off)} ${skewMs > 0 ? 'ahead of' : 'behind'} this machine's`,
    'Set both by NTP (timedatectl set-ntp true): names and ages of dumps go by the clock of this machine.',
  );
}
