import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findRecorded } from '@pgstow/catalog/folder/read-folder.ts';
import { writeRestoreTest } from '@pgstow/catalog/folder/write-record.ts';
import { describeRehearsal } from '@pgstow/shared/contract/describe-rehearsal.ts';
import { restoreTestFileName, type RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import type { VerifyContext } from './context.ts';

/**
 * Writes the record beside its dump, if that is in the folder, and the result to the job's log. A test that could not tell
 * replaces no verdict on the same content.
 */
export async function recordRestoreTest(
  task: Task<'verify'>,
  { backup: { folder } }: VerifyContext,
  test: RestoreTest,
): Promise<void> {
  await writeRecord(task, folder, test);
  const { name, destination, result, reason, differences, differenceCount } = test;
  for (const note of test.notes) task.note(`note: ${note}`);
  for (const difference of differences) task.note(`difference: ${difference}`);
  for (const sentence of describeRehearsal(test.rehearsal)) task.note(sentence);
  if (result === 'bad')
    task.log.error({ destination, differences: differenceCount, reason }, 'a restore test found a BAD dump');
  if (test.isSealed === true && result === 'could-not-tell') {
    task.progress(100);
    return task.note(`COULD NOT TELL whether ${name} from ${destination} is good: ${reason}`);
  }
  if (result !== 'good') return;
  task.progress(100);
  const rows = test.rows === undefined ? '' : `, ${test.tables} tables with ${test.rows} rows`;
  task.note(`GOOD: ${name} from ${destination}${rows}, restored in ${((test.restoreMs ?? 0) / 1000).toFixed(1)} s`);
}

async function writeRecord(task: Task<'verify'>, folder: string, test: RestoreTest): Promise<void> {
  const { name, destination, sha256 } = test;
  const dump = await findRecorded(folder, name);
  if (dump?.manifest.sha256 !== sha256) return task.note(`not recorded: ${name} is not in the folder`);
  const earlier = dump.restoreTests.get(destination);
  if (test.result === 'could-not-tell' && earlier !== undefined && earlier.result !== 'could-not-tell')
    return task.note(`the earlier result stands: ${earlier.result}, of ${earlier.testedAt}`);
  await writeRestoreTest(folder, test);
  // If the dump was pruned meanwhile, nothing else would delete its record.
  if ((await findRecorded(folder, name)) === undefined)
    await rm(join(folder, restoreTestFileName(name, destination)), { force: true });
}
