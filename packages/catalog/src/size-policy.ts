import { sumRows, type Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { Suspicion } from '@pgstow/shared/contract/suspicion.ts';
import type { JudgedDump } from './judged-dump.ts';
import { badTestOf } from './retention-policy.ts';
import { isSuspect } from './suspect-dump.ts';

/** What of a dump is compared. The SQL and not the file, so that another compressor makes no difference. */
export type DumpSize = Pick<Manifest, 'sqlBytes' | 'tables'>;

export type SizeJudgement =
  | { readonly verdict: 'plausible' }
  | { readonly verdict: 'shrunk' | 'suspect'; readonly comparison: Suspicion };

const COMPARED = 5;

/**
 * Judges a dump by its size against the median of the last five good ones: with less than 70 % of their SQL it has shrunk, with
 * less than 30 %, or with no row at all where they had some, it is suspect.
 *
 * @param good sizes of the dumps to compare with, oldest first
 */
export function judgeSize(dump: DumpSize, good: readonly DumpSize[]): SizeJudgement {
  const compared = good.slice(-COMPARED);
  const usualSqlBytes = median(compared.map(({ sqlBytes }) => sqlBytes));
  if (usualSqlBytes === undefined) return { verdict: 'plausible' };
  const usualRows = median(compared.map(sumRows).filter((rows) => rows !== undefined)) ?? 0;
  const isEmptied = sumRows(dump) === 0 && usualRows > 0;
  const ratio = dump.sqlBytes / usualSqlBytes;
  if (ratio >= 0.7 && !isEmptied) return { verdict: 'plausible' };
  return {
    verdict: ratio < 0.3 || isEmptied ? 'suspect' : 'shrunk',
    comparison: { percent: Math.round(100 * ratio), usualSqlBytes, ...(isEmptied ? { usualRows } : {}) },
  };
}

/**
 * The good dumps that a dump is compared with: those taken before it that are neither suspect nor BAD. Where a person has
 * accepted one, those before that no longer tell what is usual.
 *
 * @param dumps of the same database, oldest first
 */
export function chooseCompared<D extends JudgedDump>(dumps: readonly D[], takenAt: Date): readonly D[] {
  const good = dumps.filter((dump) => {
    return Date.parse(dump.manifest.takenAt) < takenAt.getTime() && !isSuspect(dump) && badTestOf(dump) === undefined;
  });
  return good.slice(Math.max(0, good.findLastIndex(isAccepted)));
}

function isAccepted({ manifest, acceptance }: JudgedDump): boolean {
  return manifest.suspect !== undefined && acceptance !== undefined;
}

/** The upper one of the two in the middle, where they are even in number. */
function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
