export type SizeJudgement =
  | { readonly verdict: 'plausible' }
  /** `percent` of the median of the last good ones. */
  | { readonly verdict: 'shrunk' | 'implausible'; readonly percent: number };

const COMPARED = 5;

/**
 * Judges a dump by its size against the median of the last five good ones: below 70 % it has shrunk, below 30 % it is
 * implausible. The SQL is compared, not the file, so that another compressor makes no difference.
 *
 * @param earlier sizes of good dumps of the same database, oldest first
 */
export function judgeSize(sqlBytes: number, earlier: readonly number[]): SizeJudgement {
  const sorted = earlier.slice(-COMPARED).sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  if (median === undefined) return { verdict: 'plausible' };
  const ratio = sqlBytes / median;
  if (ratio >= 0.7) return { verdict: 'plausible' };
  return { verdict: ratio < 0.3 ? 'implausible' : 'shrunk', percent: Math.round(100 * ratio) };
}
