import { dumpsOf } from '@pgstow/catalog/policy/dumps-of.ts';
import { describePeriods } from '@pgstow/catalog/policy/period-policy.ts';
import { applyRetention, retentionPolicyOf, whyFrozen } from '@pgstow/catalog/policy/retention-policy.ts';
import { placesOf, type DestinationConfig } from '@pgstow/shared/config/subjects/destinations.ts';
import type { Keep } from '@pgstow/shared/config/values/keep-variables.ts';
import { nameAll } from '@pgstow/shared/contract/destination.ts';
import type { FreezeCause } from '@pgstow/shared/contract/published-catalog.ts';
import { findingOf, defineCheck } from '../check.ts';

/** Says which dumps are kept, and what that means today. */
export const checkRetention = defineCheck({
  name: 'retention.today',
  needs: ['backup', 'destinations', 'postgres', 'verify'],
  timeoutMs: 60_000,
  async *run({ backup, destinations: configs, postgres, verify }, facts) {
    const { keepLast, keepPeriods, folder } = backup;
    const destinations = placesOf(configs);
    const periods = describePeriods(keepPeriods);
    const newest = keepLast === 1 ? 'newest dump' : `${keepLast} newest dumps`;
    const rest =
      destinations.length === 0
        ? ''
        : `, and beyond that every one whose upload to ${nameAll(destinations)} is not confirmed; ${describeStores(configs)}`;
    const ofPeriods = periods === '' ? '' : `, the newest of ${periods}`;
    yield findingOf('retention.words').ok(`the folder keeps the ${newest} of each database${ofPeriods}${rest}`);
    const dumps = await facts.readDumps(folder);
    const { damaged } = await facts.readFolder(folder);
    for (const subject of postgres.databases) {
      const ours = dumpsOf(subject, dumps);
      const verdicts = applyRetention(
        ours,
        retentionPolicyOf(backup, verify, destinations),
        facts.now,
        damaged.get(subject),
      );
      const released = verdicts.filter(({ action }) => action === 'delete').length;
      yield findingOf('retention.today', subject).ok(
        ours.length === 0
          ? 'no dump to keep or to delete'
          : `today ${verdicts.length - released} of ${verdicts.length} would be kept, and ${released === 0 ? 'none' : released} deleted`,
      );
      const frozen = whyFrozen(ours, facts.now, damaged.get(subject));
      if (frozen !== undefined) yield findingOf('retention.frozen', subject).warning(frozen.reason, HINTS[frozen.by]);
    }
  },
});

function describeStores(configs: readonly DestinationConfig[]): string {
  const keeping = configs.filter(({ keep }) => keep !== undefined);
  if (keeping.length === 0) return configs.length === 1 ? 'the store keeps all' : 'the stores keep all';
  return configs.map(({ destination, keep }) => `${destination.name} keeps ${describeKeep(keep)}`).join(', ');
}

function describeKeep(keep: Keep | undefined): string {
  if (keep === undefined) return 'all';
  const periods = describePeriods(keep.keepPeriods);
  const newest = keep.keepLast === 1 ? 'the newest' : `the ${keep.keepLast} newest`;
  return periods === '' ? newest : `${newest}, and the newest of ${periods}`;
}

const HINTS: Readonly<Record<FreezeCause, string>> = {
  clock: 'Find out what is wrong with it first; pgstow prune --dry-run shows the verdict on each dump.',
  'restore-test':
    'Find out what it found: pgstow status says it. A difference that is no fault can be accepted, see pgstow accept --help; else a restore test that is good ends this.',
  shrink:
    'Find out what it has lost. If that was meant, say so by pgstow accept; else the next dump of usual size ends this.',
  unreadable:
    'See whether the disk is well and the worker may read the file. If it is lost, move it away: a record, and then test that dump anew by pgstow verify; a damaged dump or its manifest, both of them.',
};
