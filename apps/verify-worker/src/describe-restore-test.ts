import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import type { WantedDump } from './find-wanted-dump.ts';
import type { RestoreFinding } from './restore-finding.ts';

/** Enough to see what is wrong; a record is no place for a table of 2,000 lines. */
const SHOWN_DIFFERENCES = 100;

/** The record of a restore test. */
export function describeRestoreTest(
  { manifest, destination }: WantedDump,
  { isLasting: _, hint: __, differences, notes, ...finding }: RestoreFinding,
  durationMs: number,
): RestoreTest {
  return {
    version: 1,
    name: manifest.name,
    destination,
    sha256: manifest.sha256,
    ...finding,
    notes: [...notes],
    differences: differences.slice(0, SHOWN_DIFFERENCES),
    differenceCount: differences.length,
    testedAt: new Date().toISOString(),
    durationMs: Math.round(durationMs),
  };
}
