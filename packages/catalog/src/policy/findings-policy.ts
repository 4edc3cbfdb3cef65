import { parseBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Finding } from '@pgstow/shared/contract/finding.ts';
import type { FindingsAcceptance } from '@pgstow/shared/contract/findings-acceptance.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import type { JudgedDump } from './judged-dump.ts';
import { isOfLineage } from './lineage-policy.ts';

/** When and why findings were accepted, by their keys. */
export type AcceptedFindings = ReadonlyMap<string, { readonly acceptedAt: string; readonly reason: string }>;

/** A finding as a record has it: of very many, not all have their sentence there. */
type RecordedFinding = Pick<Finding, 'key'> & { readonly difference?: string | undefined };

/** Notes that are enough to see what was accepted. */
const MOST_NOTES = 100;

/** Findings that were accepted of a dump's database, and of its source or one that it was accepted to follow. */
export function acceptedFindingsOf(
  dump: {
    readonly manifest: Pick<Manifest, 'database' | 'identity' | 'formerSources' | 'suspect'>;
    readonly acceptance?: JudgedDump['acceptance'];
  },
  acceptances: readonly FindingsAcceptance[],
): AcceptedFindings {
  const { database, identity, formerSources, suspect } = dump.manifest;
  const isFollower = suspect?.otherSource === undefined || dump.acceptance !== undefined;
  const sources = isFollower ? { identity, formerSources } : { identity };
  const ours = acceptances.filter(
    (each) =>
      parseBackupName(each.name).database === database &&
      (each.identity === undefined || isOfLineage(sources, each.identity)),
  );
  const words = ours.flatMap((each) => each.words).toSorted((a, b) => (a.acceptedAt < b.acceptedAt ? 1 : -1));
  // The first word on a finding stands.
  return new Map(words.flatMap((word) => word.findings.map(({ key }) => [key, word] as const)));
}

/** Separates findings that stand from accepted ones, of which it makes notes. */
export function separateAccepted<F extends RecordedFinding>(
  findings: readonly F[],
  accepted: AcceptedFindings,
): { readonly standing: readonly F[]; readonly notes: readonly string[] } {
  const notes: string[] = [];
  let unnamed = 0;
  const standing = findings.filter(({ key, difference }) => {
    const acceptance = accepted.get(key);
    if (acceptance === undefined) return true;
    if (difference === undefined || notes.length === MOST_NOTES) unnamed += 1;
    else notes.push(`accepted on ${acceptance.acceptedAt.slice(0, 10)} (${acceptance.reason}): ${difference}`);
    return false;
  });
  if (unnamed > 0) notes.push(`accepted as well: ${unnamed} more`);
  return { standing, notes };
}

/**
 * Judges a bad restore test anew by what was accepted since: each accepted finding becomes a note, and a test without any other
 * is good. A dump that is damaged or does not restore has no findings, so nothing makes it good.
 */
export function applyAcceptances(test: RestoreTest, accepted: AcceptedFindings): RestoreTest {
  if (test.result !== 'bad' || test.findings === undefined) return test;
  const findings = test.findings.map((key, index) => ({ key, difference: test.differences[index] }));
  const { standing, notes } = separateAccepted(findings, accepted);
  const differenceCount = test.differenceCount - (findings.length - standing.length);
  if (differenceCount === test.differenceCount) return test;
  const differences = standing.flatMap(({ difference }) => difference ?? []);
  const isAllAccepted = differenceCount === 0;
  const dates = findings.flatMap(({ key }) => accepted.get(key)?.acceptedAt ?? []).sort();
  return {
    ...test,
    ...judgeDifferences(differences, differenceCount, test.unchecked),
    differences,
    differenceCount,
    findings: isAllAccepted ? undefined : standing.map(({ key }) => key),
    notes: [...test.notes, ...notes],
    acceptedAt: isAllAccepted ? dates.at(-1) : undefined,
  };
}

/**
 * Judges a restored dump by how many differences stand, and by own checks that could not be run.
 *
 * @param differences the first ones, a sentence each
 */
export function judgeDifferences(
  [first = 'it differs from its manifest']: readonly string[],
  count: number,
  [unchecked, ...others]: readonly string[] = [],
): Pick<RestoreTest, 'result' | 'reason'> {
  if (count > 0) return { result: 'bad', reason: count > 1 ? `${first}, and ${count - 1} more differences` : first };
  if (unchecked === undefined) return { result: 'good', reason: undefined };
  const more = others.length > 0 ? `, and ${others.length} more checks` : '';
  return { result: 'could-not-tell', reason: `${unchecked}${more}` };
}
