import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { isSameSource, type SourceIdentity } from '@pgstow/shared/contract/source-identity.ts';
import type { JudgedDump } from './judged-dump.ts';
import { newestByNow } from './newest-dump.ts';
import { isSuspect } from './suspect-dump.ts';

export type LineageJudgement = {
  /** The source of the last dump that counts, where it is another one. */
  readonly otherSource: SourceIdentity | undefined;
  /** As in the manifest. */
  readonly formerSources: readonly SourceIdentity[];
};

/** Most former sources that a manifest hands on. */
const MOST_FORMER = 20;

/**
 * Compares the source of a dump with that of the last dump that counts. Dumps without an identity, of an earlier version or of
 * another tool, are passed over.
 *
 * @param earlier dumps of the same database, oldest first
 */
export function judgeLineage(
  identity: SourceIdentity | undefined,
  earlier: readonly JudgedDump[],
  takenAt: Date,
): LineageJudgement {
  const counted = earlier.filter((dump) => dump.manifest.identity !== undefined && !isSuspect(dump));
  const last = newestByNow(counted, takenAt)?.manifest;
  if (identity === undefined || last?.identity === undefined) return { otherSource: undefined, formerSources: [] };
  const otherSource = isSameSource(identity, last.identity) ? undefined : last.identity;
  const known = [...(last.formerSources ?? []), ...(otherSource === undefined ? [] : [otherSource])];
  return { otherSource, formerSources: known.filter((each) => !isSameSource(each, identity)).slice(-MOST_FORMER) };
}

/** Whether a dump is of this source, or of one that a person accepted in its place. */
export function isOfLineage(
  { identity, formerSources = [] }: Pick<Manifest, 'identity' | 'formerSources'>,
  source: SourceIdentity,
): boolean {
  return identity === undefined || [identity, ...formerSources].some((each) => isSameSource(each, source));
}
