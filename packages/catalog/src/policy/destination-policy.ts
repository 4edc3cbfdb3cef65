import { describeSource } from '@pgstow/shared/contract/source-identity.ts';
import type { JudgedDump } from './judged-dump.ts';
import { isOfLineage } from './lineage-policy.ts';
import { newestByNow } from './newest-dump.ts';
import { applyRetention, whyFrozen, type Freeze, type RetentionPolicy, type Verdict } from './retention-policy.ts';
import { isSuspect } from './suspect-dump.ts';

/** A dump as it lies at a destination. */
export type HeldDump = JudgedDump & {
  /** Whether the folder has a receipt of this very content there: then it is ours, whatever its manifest says. */
  readonly isRecorded: boolean;
  /** Why another place needs it; `undefined` if none does. */
  readonly neededBy?: string | undefined;
};

export type DestinationVerdicts = {
  /** One for each held dump, in the same order. */
  readonly verdicts: readonly Verdict[];
  /** Why nothing may be deleted there. */
  readonly freeze: Freeze | undefined;
};

/**
 * Says of each dump of one database at a destination whether it may be deleted there, and why. A bucket may be shared: what is not
 * certainly ours stays, and does not count. The doubts that stop deletion in the folder stop it here as well.
 *
 * @param held dumps at the destination, oldest first
 * @param known dumps of the database whose records lie in the folder, oldest first
 * @param policy the destination's own
 * @param damaged a file or object that leaves open what a dump is worth
 */
export function applyDestinationRetention(
  held: readonly HeldDump[],
  known: readonly JudgedDump[],
  policy: Omit<RetentionPolicy, 'destinations'>,
  now: Date,
  damaged?: string,
): DestinationVerdicts {
  const foreign = new Map(held.map((dump) => [dump, whyForeign(dump, known, now)]));
  const ours = held.filter((dump) => foreign.get(dump) === undefined);
  const names = new Set<string>(ours.map(({ manifest }) => manifest.name));
  const all = [...known.filter(({ manifest }) => !names.has(manifest.name)), ...ours].sort(
    ({ manifest: a }, { manifest: b }) => Date.parse(a.takenAt) - Date.parse(b.takenAt) || (a.name < b.name ? -1 : 1),
  );
  const freeze = whyFrozen(all, now, damaged);
  const judged = applyRetention(ours, { ...policy, destinations: [] }, now, damaged);
  const byName = new Map(judged.map((verdict) => [verdict.name, verdict]));
  const verdicts = held.map((dump): Verdict => {
    const { name } = dump.manifest;
    const verdict = byName.get(name);
    const stranger = foreign.get(dump);
    if (verdict === undefined || stranger !== undefined)
      return { name, action: 'keep', rule: 'foreign', reason: stranger ?? '' };
    if (verdict.action === 'keep') return verdict;
    if (freeze !== undefined) return { name, action: 'keep', rule: 'frozen', reason: freeze.reason };
    if (dump.neededBy !== undefined) return { name, action: 'keep', rule: 'needed', reason: dump.neededBy };
    return verdict;
  });
  return { verdicts, freeze };
}

/** Why a dump at a destination is not certainly of the database that the folder's dumps are of. */
function whyForeign(
  { manifest: { identity }, isRecorded }: HeldDump,
  known: readonly JudgedDump[],
  now: Date,
): string | undefined {
  if (isRecorded) return undefined;
  if (identity === undefined) return 'its manifest does not say which server it is of';
  const ours = newestByNow(
    known.filter((dump) => dump.manifest.identity !== undefined && !isSuspect(dump)),
    now,
  );
  if (ours === undefined) return 'no dump in the folder says whether it is of the same server';
  return isOfLineage(ours.manifest, identity) ? undefined : `it is of another server, ${describeSource(identity)}`;
}
