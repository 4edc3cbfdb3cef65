import { sumRows, type Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { Suspicion } from '@pgstow/shared/contract/suspicion.ts';
import type { JudgedDump } from './judged-dump.ts';
import { badTestOf } from './retention-policy.ts';
import { isSuspect } from './suspect-dump.ts';

/** The sizes of a dump that are compared. SQL and not the file's bytes, so another compressor makes no difference. */
export type DumpSize = Pick<Manifest, 'sqlBytes' | 'tables'>;
/** A dump that it is compared with. If it is suspect, it was accepted. */
export type GoodDumpSize = DumpSize & Emptied;
type Emptied = Pick<Manifest, 'suspect' | 'emptiedTables'>;

export type SizeJudgement =
  | { readonly verdict: 'plausible' }
  | { readonly verdict: 'shrunk' | 'suspect'; readonly comparison: Suspicion };

const COMPARED = 5;
/** Fewest rows in all tables for their sum to be judged: below that, a few more or less say nothing. */
const MIN_ROWS = 100;
/** Fewest rows of a table that counts as lost once it has none: a smaller one may well be empty the next time. */
const MIN_TABLE_ROWS = 200;
const MOST_LOST_TABLES = 50;

/**
 * Compares a dump with the last five good ones. With less than 70 % of their SQL or rows it has shrunk. With less than 30 %, with
 * no row at all where they had some, or without the rows of a table that had hundreds in each of them, it is suspect.
 *
 * @param good the dumps to compare with, oldest first
 */
export function judgeSize(dump: DumpSize, good: readonly GoodDumpSize[]): SizeJudgement {
  const compared = good.slice(-COMPARED);
  const usualSqlBytes = usual(compared.map(({ sqlBytes }) => sqlBytes));
  if (usualSqlBytes === undefined) return { verdict: 'plausible' };
  const rows = sumRows(dump);
  const usualRows = usual(compared.map(sumRows).filter((sum) => sum !== undefined)) ?? 0;
  const isEmptied = rows === 0 && usualRows > 0;
  const rowRatio = rows === undefined || usualRows < MIN_ROWS ? 1 : rows / usualRows;
  const ratio = dump.sqlBytes / usualSqlBytes;
  const lostTables = findLostTables(dump, compared);
  const isSuspect = Math.min(ratio, rowRatio) < 0.3 || isEmptied || lostTables !== undefined;
  if (!isSuspect && Math.min(ratio, rowRatio) >= 0.7) return { verdict: 'plausible' };
  return {
    verdict: isSuspect ? 'suspect' : 'shrunk',
    comparison: {
      percent: Math.round(100 * ratio),
      usualSqlBytes,
      ...(isEmptied || rowRatio < 0.7 ? { usualRows, ...(rows === 0 ? {} : { rows }) } : {}),
      lostTables,
    },
  };
}

/**
 * Tables of a dump whose emptiness a person has accepted at any time. Each manifest hands them on, because the accepted dumps are
 * pruned one day.
 *
 * @param good all of `chooseCompared`, oldest first
 */
export function findEmptiedTables({ tables }: DumpSize, good: readonly Emptied[]): readonly string[] {
  const known = good.flatMap(({ suspect, emptiedTables = [] }) => [
    ...emptiedTables,
    ...Object.keys(suspect?.lostTables ?? {}),
  ]);
  return [...new Set(known)].filter((table) => tables !== undefined && Object.hasOwn(tables, table));
}

/** Tables that had hundreds of rows in each compared dump, and have none now or are gone. */
function findLostTables(dump: DumpSize, compared: readonly GoodDumpSize[]): Suspicion['lostTables'] {
  const { tables } = dump;
  const counted = compared.map((each) => each.tables).filter((each) => each !== undefined);
  const [oldest, last] = [counted[0], counted.at(-1)];
  if (tables === undefined || oldest === undefined || last === undefined) return undefined;
  const rowsOf = (of: Readonly<Record<string, number>>, table: string): number =>
    Object.hasOwn(of, table) ? (of[table] ?? 0) : 0;
  const known = new Set(findEmptiedTables(dump, compared));
  const newcomers = new Set(
    Object.keys(tables)
      .filter((table) => !Object.hasOwn(oldest, table))
      .map(withoutNumbers),
  );
  // Partitions by time: one comes as another goes.
  const isRotated = (table: string): boolean => !Object.hasOwn(tables, table) && newcomers.has(withoutNumbers(table));
  const lost = Object.keys(last).filter(
    (table) =>
      rowsOf(tables, table) === 0 &&
      counted.every((each) => rowsOf(each, table) >= MIN_TABLE_ROWS) &&
      !known.has(table) &&
      !isRotated(table),
  );
  if (lost.length === 0) return undefined;
  return Object.fromEntries(lost.slice(0, MOST_LOST_TABLES).map((table) => [table, rowsOf(last, table)]));
}

function withoutNumbers(table: string): string {
  return table.replaceAll(/\d+/g, '#');
}

/**
 * The good dumps that a dump is compared with: taken before it, and neither suspect nor BAD. After an accepted dump, older ones no
 * longer say what is usual.
 *
 * @param dumps of the same database, oldest first
 */
export function chooseCompared<D extends JudgedDump>(dumps: readonly D[], takenAt: Date): readonly D[] {
  const good = dumps.filter((dump) => {
    return Date.parse(dump.manifest.takenAt) < takenAt.getTime() && !isSuspect(dump) && badTestOf(dump) === undefined;
  });
  return good.slice(Math.max(0, good.findLastIndex(isAccepted)));
}

/** The dumps whose sizes a dump is compared with. @param dumps as for `chooseCompared` */
export function lastCompared<D extends JudgedDump>(dumps: readonly D[], takenAt: Date): readonly D[] {
  return chooseCompared(dumps, takenAt).slice(-COMPARED);
}

function isAccepted({ manifest, acceptance }: JudgedDump): boolean {
  return manifest.suspect !== undefined && acceptance !== undefined;
}

/**
 * The usual value, of values in the order of their dumps: the median. Where a run of small ones has lowered that, it is what the
 * last dump and an older one both reach.
 */
function usual(values: readonly number[]): number | undefined {
  const median = values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  if (median === undefined) return undefined;
  return Math.max(median, Math.min(values.at(-1) ?? 0, Math.max(0, ...values.slice(0, -1))));
}
