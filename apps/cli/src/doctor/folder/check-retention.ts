import { dumpsOf } from '@pgstow/catalog/policy/dumps-of.ts';
import { describePeriods } from '@pgstow/catalog/policy/period-policy.ts';
import { applyRetention, retentionPolicyOf, whyFrozen } from '@pgstow/catalog/policy/retention-policy.ts';
import type { FreezeCause } from '@pgstow/shared/contract/published-catalog.ts';
import { findingOf, defineCheck } from '../check.ts';

/** Says which dumps are kept, and what that means today. */
export const checkRetention = defineCheck({
  name: 'retention.today',
  needs: ['backup', 's3', 'postgres', 'verify'],
  timeoutMs: 60_000,
  async *run({ backup, s3, postgres, verify }, facts) {
    const { keepLast, keepPeriods, folder } = backup;
    const periods = describePeriods(keepPeriods);
    const newest = keepLast === 1 ? 'newest dump' : `${keepLast} newest dumps`;
    const rest =
      s3 === undefined
        ? ''
        : `, and beyond that every one whose upload to ${s3.destination.name} is not confirmed; the store keeps all`;
    const ofPeriods = periods === '' ? '' : `, the newest of ${periods}`;
    yield findingOf('retention.words').ok(`the folder keeps the ${newest} of each database${ofPeriods}${rest}`);
    const dumps = await facts.readDumps(folder);
    const { damaged } = await facts.readFolder(folder);
    for (const subject of postgres.databases) {
      const ours = dumpsOf(subject, dumps);
      const verdicts = applyRetention(
        ours,
        retentionPolicyOf(backup, verify, s3?.destination),
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

const HINTS: Readonly<Record<FreezeCause, string>> = {
  clock: 'Find out what is wrong with it first; pgstow prune --dry-run shows the verdict on each dump.',
  'restore-test':
    'Find out what it found: pgstow status says it. A difference that is no fault can be accepted, see pgstow accept --help; else a restore test that is good ends this.',
  shrink:
    'Find out what it has lost. If that was meant, say so by pgstow accept; else the next dump of usual size ends this.',
  unreadable:
    'See whether the disk is well and the worker may read the file. If it is lost, move it away: a record, and then test that dump anew by pgstow verify; a damaged dump or its manifest, both of them.',
};
