import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { describeSource } from '@pgstow/shared/contract/source-identity.ts';
import type { Suspicion } from '@pgstow/shared/contract/suspicion.ts';
import prettyBytes from 'pretty-bytes';
import type { JudgedDump } from './judged-dump.ts';

type Suspected = {
  readonly manifest: Pick<JudgedDump['manifest'], 'suspect' | 'sqlBytes' | 'identity'>;
  readonly acceptance?: JudgedDump['acceptance'];
};

/** Whether a dump has shrunk beyond belief or is of another source, and was not accepted. Then it does not count as a backup. */
export function isSuspect({ manifest, acceptance }: Suspected): boolean {
  return manifest.suspect !== undefined && acceptance === undefined;
}

/** Why a dump is suspect, in words that follow its name; `undefined` if it is not, or was accepted. */
export function whySuspect(dump: Suspected): string | undefined {
  const { suspect } = dump.manifest;
  return suspect === undefined || !isSuspect(dump) ? undefined : describeSuspicion(suspect, dump.manifest);
}

export function describeSuspicion(
  suspicion: Suspicion,
  { sqlBytes, identity }: Pick<Manifest, 'sqlBytes' | 'identity'>,
): string {
  const { percent, otherSource } = suspicion;
  const source =
    otherSource === undefined
      ? []
      : [
          `it is of ${identity === undefined ? 'another source' : describeSource(identity)}, and the last one that counts is of ${describeSource(otherSource)}`,
        ];
  return [...source, ...(percent === undefined ? [] : [describeSize(suspicion, percent, sqlBytes)])].join('; ');
}

function describeSize({ usualRows, rows = 0, lostTables }: Suspicion, percent: number, sqlBytes: number): string {
  const share = percent === 0 ? 'less than 1 %' : `${percent} %`;
  const size = `it has ${prettyBytes(sqlBytes)} of SQL, ${share} of what the last good ones had`;
  const counted = rows === 0 ? 'no row' : `${formatCount(rows)} ${rows === 1 ? 'row' : 'rows'}`;
  return [
    size,
    usualRows === undefined ? '' : `, and ${counted} where they had ${formatCount(usualRows)}`,
    lostTables === undefined ? '' : `; ${describeLost(Object.entries(lostTables))}`,
  ].join('');
}

const MOST_NAMED = 5;

function describeLost(lost: readonly (readonly [string, number])[]): string {
  const named = lost.slice(0, MOST_NAMED).map(([table, rows]) => `${table} (${formatCount(rows)})`);
  const more = lost.length - named.length;
  return `without a row now: ${named.join(', ')}${more === 0 ? '' : ` and ${more} more`}`;
}

function formatCount(count: number): string {
  return count.toLocaleString('en');
}
