import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import type { KnownDump } from './read-folder.ts';

/** The newest restore test of a dump that came to a verdict or, where none did, the newest. */
export function newestRestoreTest({ restoreTests }: Pick<KnownDump, 'restoreTests'>): RestoreTest | undefined {
  const newestFirst = [...restoreTests.values()].sort((a, b) => Date.parse(b.testedAt) - Date.parse(a.testedAt));
  return newestFirst.find(({ result }) => result !== 'could-not-tell') ?? newestFirst[0];
}
