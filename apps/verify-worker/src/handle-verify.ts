import { readAcceptedFindings } from '@pgstow/catalog/folder/read-accepted-findings.ts';
import { watchDisk } from '@pgstow/scratch/scratch-disk.ts';
import { isEncrypted } from '@pgstow/shared/contract/backup-name.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import { verifyLockKey, withLock } from '@pgstow/shared/runtime/redis/lock.ts';
import type { VerifyContext } from './context.ts';
import { fetchDump } from './fetch-dump.ts';
import { findWantedDump, type WantedDump } from './find-wanted-dump.ts';
import { judgeSealed } from './judge-sealed.ts';
import { concludeTest, judgeCompared, judgeError, type JudgedTest } from './judge-test.ts';
import { recordRestoreTest } from './record-restore-test.ts';
import { assertPossible } from './restore/assert-possible.ts';
import { Deadline } from './restore/deadline.ts';
import { rehearseUpgrade } from './restore/rehearse-upgrade.ts';
import { restoreAndCompare } from './restore/restore-and-compare.ts';
import { sweepScratch, withScratchFolder } from './restore/scratch-folder.ts';

/** Finds a dump, fetches it, restores and compares it, records the result and publishes; under the lock of dump and destination. */
export async function handleVerify(task: Task<'verify'>, context: VerifyContext): Promise<RestoreTest> {
  const { scope, redis, catalog, notifier } = context;
  const wanted = await findWantedDump(task, context);
  const { manifest, destination } = wanted;
  task.concerns(manifest.name);
  return withLock(redis, verifyLockKey(scope, manifest.name, destination), task.signal, async (signal) => {
    await sweepScratch(context, signal);
    task.note(`testing ${manifest.name} as it lies at ${destination}`);
    const { test, failure } = await testDump(task, context, wanted, signal);
    // A lost lock's new holder writes the record.
    signal.throwIfAborted();
    await recordRestoreTest(task, context, test);
    catalog.publish();
    notifier.tested(test);
    if (failure !== undefined) throw failure;
    return test;
  });
}

/** Tests a dump within VERIFY_TIMEOUT and VERIFY_DISK_LIMIT. @throws the signal's reason alone */
async function testDump(
  task: Task<'verify'>,
  context: VerifyContext,
  wanted: WantedDump,
  signal: AbortSignal,
): Promise<JudgedTest> {
  const { timeoutMs, diskBytes } = context.verify;
  const startedAt = performance.now();
  const isCiphertext = isEncrypted(wanted.manifest.name);
  const identityFile = isCiphertext ? context.identityFile : undefined;
  const isSealed = isCiphertext && identityFile === undefined;
  using deadline = new Deadline(timeoutMs);
  try {
    return await withScratchFolder(context, AbortSignal.any([signal, deadline.signal]), async (scratch, held) => {
      using disk = watchDisk(scratch, diskBytes);
      const bounded = AbortSignal.any([held, disk.signal]);
      try {
        if (!isSealed) await assertPossible(context.verify, wanted.manifest, bounded);
        const path = await fetchDump(task, context, wanted, scratch, bounded);
        if (isSealed) return { test: await judgeSealed(wanted, path, performance.now() - startedAt) };
        const compared = await restoreAndCompare({
          task,
          context,
          wanted,
          scratch,
          path,
          identityFile,
          deadline,
          signal: bounded,
        });
        const durationMs = performance.now() - startedAt;
        // The verdict is known, and a rehearsal has time of its own.
        using _paused = deadline.pause();
        const accepted = await readAcceptedFindings(context.backup.folder, wanted.manifest);
        const test = judgeCompared(wanted, compared, accepted, durationMs);
        if (test.result === 'bad') return concludeTest(test);
        const step = { task, context, wanted, scratch, path, identityFile, signal: held };
        return concludeTest({ ...test, rehearsal: await rehearseUpgrade(step, accepted) });
      } catch (error) {
        // A bound that was met explains the error better than the error does.
        bounded.throwIfAborted();
        throw error;
      }
    });
  } catch (error) {
    signal.throwIfAborted();
    // The next attempt would take as long.
    const tooLong = new PermanentError(`it took more than ${timeoutMs / 1000} s (VERIFY_TIMEOUT)`, {
      hint: 'Raise VERIFY_TIMEOUT.',
    });
    return judgeError(wanted, deadline.signal.aborted ? tooLong : error, performance.now() - startedAt, isSealed);
  }
}
