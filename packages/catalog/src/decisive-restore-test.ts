import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import type { KnownDump } from './read-folder.ts';
import { badTestOf } from './retention-policy.ts';

/** The restore test that says what a dump is: a bad one, else the newest that came to a verdict, else the newest. */
export function decisiveRestoreTest(dump: KnownDump): RestoreTest | undefined {
  const newestFirst = [...dump.restoreTests.values()].sort((a, b) => Date.parse(b.testedAt) - Date.parse(a.testedAt));
  return badTestOf(dump) ?? newestFirst.find(({ result }) => result === 'good') ?? newestFirst[0];
}

/** The restore test that says what a database's backups are worth now: of its newest dump for which there is a verdict. */
export function newestVerdict(dumps: readonly KnownDump[]): RestoreTest | undefined {
  const told = dumps.map(decisiveRestoreTest).filter((test) => test !== undefined && test.result !== 'could-not-tell');
  return told.at(-1);
}
