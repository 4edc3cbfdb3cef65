import { setTimeout as delay } from 'node:timers/promises';
import { runProgram } from '@pgstow/postgres/client/run-program.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { takeBack } from './take-back.ts';

const ATTEMPTS = 10;
const LOOK_AGAIN_MS = 100;
/** Limit for one removal: a disk that takes longer does not answer. */
const LIMIT_MS = 15 * 60_000;

/**
 * Removes a folder that another user may change. It takes the folder back first, and uses rm, because Node's removal follows
 * a link that is put there meanwhile.
 *
 * @throws RetryableError if something of it stays
 */
export async function removeTree(folder: string, limitMs = LIMIT_MS): Promise<void> {
  await takeBack(folder);
  for (let attempt = 1; ; attempt += 1) {
    const { failed, timedOut, stderr } = await runProgram(['rm', '-rf', '--', folder], {
      timeout: limitMs,
      killSignal: 'SIGKILL',
    });
    if (!failed) return;
    if (timedOut) throw new RetryableError(`cannot remove ${folder} within ${limitMs / 1000} s`);
    // A server that was killed may still be writing its last file.
    if (attempt === ATTEMPTS) throw new RetryableError(`cannot remove ${folder}: ${stderr.trim().slice(-500)}`);
    await delay(LOOK_AGAIN_MS);
  }
}
