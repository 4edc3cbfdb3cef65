import type { VerifyConfig } from '../../config/subjects/verify.ts';
import type { BackupName } from '../../contract/backup-name.ts';
import { describeError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import { enqueueVerify, type OpenQueue } from './queue.ts';

/**
 * Asks for the restore test of a dump that has just arrived, if each one is to be tested. A fault is logged, and costs neither
 * dump nor upload: the verify worker asks for missing tests by itself.
 */
export async function askForRestoreTest(
  queue: OpenQueue<'verify'>,
  name: BackupName,
  destination: string,
  schedule: VerifyConfig['schedule'],
  log: Log,
): Promise<void> {
  if (schedule.kind !== 'after-upload') return;
  try {
    await enqueueVerify(queue, name, destination, 'after-upload');
  } catch (error) {
    log.warn({ err: describeError(error) }, 'could not ask for a restore test');
  }
}
