import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import type { WantedDump } from './find-wanted-dump.ts';
import type { RestoreFinding } from './restore-finding.ts';

/** Enough to see what is wrong; a record is no place for a table of 2,000 lines. */
const SHOWN_DIFFERENCES = 100;

/** The record of a restore test. */
export function describeRestoreTest(
  { manifest, destination }: WantedDump,
  finding: RestoreFinding,
  durationMs: number,
): RestoreTest {
  const { result, reason, differences, notes, restoreMs, tables, rows, serverVersion } = finding;
  return {
    version: 1,
    name: manifest.name,
    destination,
    sha256: manifest.sha256,
    result,
    ...given({ reason, restoreMs, tables, rows, serverVersion }),
    notes: [...notes],
    differences: differences.slice(0, SHOWN_DIFFERENCES),
    differenceCount: differences.length,
    testedAt: new Date().toISOString(),
    durationMs: Math.round(durationMs),
  };
}

/** Without what is not known: a record has no word for it. */
function given<T extends object>(facts: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(facts).filter(([, fact]) => fact !== undefined)) as never;
}
