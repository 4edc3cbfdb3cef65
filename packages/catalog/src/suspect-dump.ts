import type { Suspicion } from '@pgstow/shared/contract/suspicion.ts';
import prettyBytes from 'pretty-bytes';
import type { JudgedDump } from './judged-dump.ts';

type Suspected = {
  readonly manifest: Pick<JudgedDump['manifest'], 'suspect' | 'sqlBytes'>;
  readonly acceptance?: JudgedDump['acceptance'];
};

/** Whether a dump has shrunk beyond belief, and nobody has accepted it. Then it does not count as a backup. */
export function isSuspect({ manifest, acceptance }: Suspected): boolean {
  return manifest.suspect !== undefined && acceptance === undefined;
}

/** Why a dump is suspect, in words that go on after its name; `undefined` if it is not, or was accepted. */
export function whySuspect(dump: Suspected): string | undefined {
  const { suspect, sqlBytes } = dump.manifest;
  return suspect === undefined || !isSuspect(dump) ? undefined : describeSuspicion(suspect, sqlBytes);
}

export function describeSuspicion({ percent, usualRows }: Suspicion, sqlBytes: number): string {
  const share = percent === 0 ? 'less than 1 %' : `${percent} %`;
  const size = `it has ${prettyBytes(sqlBytes)} of SQL, ${share} of what the last good ones had`;
  return usualRows === undefined ? size : `${size}, and no row where they had ${usualRows.toLocaleString('en')}`;
}
