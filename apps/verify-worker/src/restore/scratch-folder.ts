import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { removeTree } from '@pgstow/scratch/remove-tree.ts';
import { removeScratchServer } from '@pgstow/scratch/scratch-process.ts';
import { confine } from '@pgstow/scratch/scratch-user.ts';
import { BusyError } from '@pgstow/shared/runtime/errors.ts';
import { LOCK_TTL_MS, scratchLockKey, withLock } from '@pgstow/shared/runtime/redis/lock.ts';
import type { VerifyContext } from '../context.ts';

const PREFIX = 'pgstow-scratch-';
const OURS = /^pgstow-scratch-[0-9a-f]{6}$/;

/** The server's folder in a scratch folder. */
export function serverFolder(scratch: string): string {
  return join(scratch, 'server');
}

/** Runs `work` with a private folder in VERIFY_DIR, held by a lock in Redis as long as it runs, and removed afterwards. */
export async function withScratchFolder<T>(
  { verify, redis }: VerifyContext,
  signal: AbortSignal,
  work: (path: string, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const name = PREFIX + randomBytes(3).toString('hex');
  const path = join(verify.folder, name);
  // The lock comes first: any worker sweeps a folder without one.
  return withLock(redis, scratchLockKey(name), signal, async (held) => {
    await mkdir(path, { mode: 0o700 });
    try {
      const { owner } = await confine();
      // The server's user can enter its own folder in there, and put nothing in its place.
      if (owner !== undefined) await chmod(path, 0o711);
      return await work(path, held);
    } finally {
      await removeScratchFolder(path);
    }
  });
}

/** Removes the scratch folders of workers that are gone, and ends their servers. Folders in use stay, and are returned. */
export async function sweepScratch(context: VerifyContext, signal: AbortSignal): Promise<readonly string[]> {
  const { verify, redis, log } = context;
  const busy: string[] = [];
  for (const name of (await readdir(verify.folder)).filter((each) => OURS.test(each))) {
    try {
      await withLock(redis, scratchLockKey(name), signal, () => removeScratchFolder(join(verify.folder, name)));
      log.info({ folder: name }, 'removed the scratch folder of a restore test that was cut off');
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
      busy.push(name);
    }
  }
  return busy;
}

/** Sweeps twice: a worker that was killed just now holds its locks a little longer. */
export async function sweepScratchPatiently(context: VerifyContext, signal: AbortSignal): Promise<void> {
  if ((await sweepScratch(context, signal)).length === 0) return;
  await wait(LOCK_TTL_MS + 1000, undefined, { signal });
  await sweepScratch(context, signal);
}

async function removeScratchFolder(path: string): Promise<void> {
  await removeScratchServer(serverFolder(path));
  await removeTree(path);
}
