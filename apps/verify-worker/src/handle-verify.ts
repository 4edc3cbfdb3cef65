import { watchDisk } from '@pgstow/scratch/scratch-disk.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { verifyLockKey, withLock } from '@pgstow/shared/runtime/lock.ts';
import type { Task } from '@pgstow/shared/runtime/worker.ts';
import { conclude } from './conclude.ts';
import type { VerifyContext } from './context.ts';
import { Deadline } from './deadline.ts';
import { describeRestoreTest } from './describe-restore-test.ts';
import { findWantedDump, type WantedDump } from './find-wanted-dump.ts';
import { recordRestoreTest } from './record-restore-test.ts';
import { restoreAndCompare } from './restore-and-compare.ts';
import { CannotTellError, findingOf, type RestoreFinding } from './restore-finding.ts';
import { sweepScratch, withScratchFolder } from './scratch-folder.ts';

/**
 * Find the dump, restore it into a scratch server, compare, record what came of it, and say so: as the only one that tests
 * this dump at this destination.
 */
export async function handleVerify(task: Task<'verify'>, context: VerifyContext): Promise<RestoreTest> {
  const { site, redis, catalog, notifier } = context;
  const wanted = await findWantedDump(task, context);
  const { manifest, destination } = wanted;
  task.concerns(manifest.name);
  return withLock(redis, verifyLockKey(site, manifest.name, destination), task.signal, async (signal) => {
    await sweepScratch(context, signal);
    task.note(`testing ${manifest.name} as it lies at ${destination}`);
    const startedAt = performance.now();
    const finding = await testWithinBounds(task, context, wanted, signal);
    const test = describeRestoreTest(wanted, finding, performance.now() - startedAt);
    // Whoever has lost the lock leaves the record to its new holder.
    signal.throwIfAborted();
    await recordRestoreTest(task, context, test);
    catalog.publish();
    notifier.tested(test);
    return conclude(task, test, finding);
  });
}

/** The test within its time and room. What keeps it from an end is a finding, too. @throws the signal's reason */
async function testWithinBounds(
  task: Task<'verify'>,
  context: VerifyContext,
  wanted: WantedDump,
  signal: AbortSignal,
): Promise<RestoreFinding> {
  const { timeoutMs, diskBytes } = context.verify;
  using deadline = new Deadline(timeoutMs);
  try {
    return await withScratchFolder(context, AbortSignal.any([signal, deadline.signal]), async (scratch, held) => {
      using disk = watchDisk(scratch, diskBytes);
      const bounded = AbortSignal.any([held, disk.signal]);
      return await restoreAndCompare({ task, context, wanted, scratch, deadline, signal: bounded }).catch(
        (error: unknown) => {
          // What went wrong because the bounds were met is told by them.
          bounded.throwIfAborted();
          throw error;
        },
      );
    });
  } catch (error) {
    signal.throwIfAborted();
    // The next attempt would take as long.
    if (deadline.signal.aborted)
      return findingOf(
        new CannotTellError(`it took more than ${timeoutMs / 1000} s (VERIFY_TIMEOUT)`, 'Raise VERIFY_TIMEOUT.'),
      );
    return findingOf(error);
  }
}
