import type { BackupConfig } from '@pgstow/shared/config/subjects/backup.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { JudgedDump } from './judged-dump.ts';
import { judgeLineage } from './lineage-policy.ts';
import { chooseCompared, findEmptiedTables, judgeSize, type GoodDumpSize } from './size-policy.ts';
import { describeSuspicion } from './suspect-dump.ts';

export type DumpContent = Pick<Manifest, 'sqlBytes' | 'tables' | 'identity'>;

export type DumpJudgement = {
  /** The part of its manifest that compares it with the dumps before it. */
  readonly standing: Pick<Manifest, 'suspect' | 'emptiedTables' | 'formerSources'>;
  /** How it has shrunk though it counts, in words that follow its name; `undefined` if it has not. */
  readonly shrunk: string | undefined;
};

/**
 * Judges a new dump by those before it: whether it has shrunk, and whether it is of the same source.
 *
 * @param earlier dumps of the same database, oldest first
 * @param compared sizes of those that `lastCompared` chooses
 */
export function judgeDump(
  content: DumpContent,
  earlier: readonly JudgedDump[],
  compared: readonly GoodDumpSize[],
  { takenAt, onShrink }: { readonly takenAt: Date; readonly onShrink: BackupConfig['onShrink'] },
): DumpJudgement {
  const good = chooseCompared(earlier, takenAt).map(({ manifest }) => manifest);
  const size = judgeSize(content, compared);
  const emptiedTables = findEmptiedTables(content, good);
  const { otherSource, formerSources } = judgeLineage(content.identity, earlier, takenAt);
  const isTooSmall = size.verdict === 'suspect' && onShrink === 'suspect';
  const suspect = {
    ...(isTooSmall ? size.comparison : {}),
    ...(otherSource === undefined ? {} : { otherSource }),
  };
  const isShrunk = size.verdict !== 'plausible' && !isTooSmall;
  return {
    standing: {
      ...(Object.keys(suspect).length === 0 ? {} : { suspect }),
      ...(emptiedTables.length === 0 ? {} : { emptiedTables: [...emptiedTables] }),
      ...(formerSources.length === 0 ? {} : { formerSources: [...formerSources] }),
    },
    shrunk: isShrunk ? describeSuspicion(size.comparison, content) : undefined,
  };
}
