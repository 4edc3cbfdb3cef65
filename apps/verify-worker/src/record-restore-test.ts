import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findDump } from '@pgstow/catalog/folder/read-folder.ts';
import { writeRestoreTest } from '@pgstow/catalog/folder/write-record.ts';
import { restoreTestFileName, type RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import type { Task } from '@pgstow/shared/runtime/worker.ts';
import type { VerifyContext } from './context.ts';

/**
 * Writes the record beside its dump, if that is in the folder. What could not be told takes the place of no verdict on the
 * same content.
 */
export async function recordRestoreTest(
  task: Task<'verify'>,
  { backup: { folder } }: VerifyContext,
  test: RestoreTest,
): Promise<void> {
  const { name, destination, sha256 } = test;
  const dump = await findDump(folder, name);
  if (dump?.manifest.sha256 !== sha256) return task.note(`not recorded: ${name} is not in the folder`);
  const earlier = dump.restoreTests.get(destination);
  if (test.result === 'could-not-tell' && earlier !== undefined && earlier.result !== 'could-not-tell')
    return task.note(`the earlier result stands: ${earlier.result}, of ${earlier.testedAt}`);
  await writeRestoreTest(folder, test);
  // It may have been pruned in between, and a record without its dump is nobody's.
  if ((await findDump(folder, name)) === undefined)
    await rm(join(folder, restoreTestFileName(name, destination)), { force: true });
}
