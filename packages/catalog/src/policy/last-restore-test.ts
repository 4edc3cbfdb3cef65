import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';

/** The restore test that was made last. */
export function lastRestoreTest<T extends Pick<RestoreTest, 'testedAt'>>(tests: readonly T[]): T | undefined {
  return tests.toSorted((a, b) => Date.parse(b.testedAt) - Date.parse(a.testedAt))[0];
}
