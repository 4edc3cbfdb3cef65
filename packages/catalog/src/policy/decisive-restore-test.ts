import type { JudgedRestoreTest } from './judged-dump.ts';
import { lastRestoreTest } from './last-restore-test.ts';
import { newestByNow, type Dated } from './newest-dump.ts';
import { badTestOf } from './retention-policy.ts';

type Tested<T> = { readonly restoreTests: ReadonlyMap<string, T> };

/** The restore test that says what a dump is: a bad one, else the newest that came to a verdict, else the newest. */
export function decisiveRestoreTest<T extends JudgedRestoreTest>(dump: Tested<T>): T | undefined {
  const tests = [...dump.restoreTests.values()];
  return badTestOf(dump) ?? lastRestoreTest(tests.filter(({ result }) => result === 'good')) ?? lastRestoreTest(tests);
}

/**
 * The restore test that says what a database's backups are worth now: of its newest dump for which there is a verdict.
 *
 * @param dumps of one database, oldest first
 */
export function newestVerdict<T extends JudgedRestoreTest>(
  dumps: readonly (Tested<T> & Dated)[],
  now: Date,
): T | undefined {
  const told = dumps.filter((dump) => !['could-not-tell', undefined].includes(decisiveRestoreTest(dump)?.result));
  const newest = newestByNow(told, now);
  return newest && decisiveRestoreTest(newest);
}
