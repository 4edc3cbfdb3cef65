import { lstat, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import prettyBytes from 'pretty-bytes';

const EVERY_MS = 1000;
/** Part of the disk that stays free for all others. */
const LEAST_FREE = 0.05;
/** Unit of `blocks` in stat, whatever the blocks of the file system. */
const BLOCK_BYTES = 512;

/** The disk of the scratch servers is full, or would be. */
export class NoRoomError extends RetryableError {
  override readonly name = 'NoRoomError';

  constructor(message: string) {
    super(message, {
      hint: 'Free some space, raise VERIFY_DISK_LIMIT, or give VERIFY_DIR (in compose: the volume scratch-host) a larger disk.',
    });
  }
}

/** Bytes that a restore test may take on the disk of a folder: no more than is free, but for 5 % of the disk. */
export async function roomFor(folder: string, limitBytes: number | undefined): Promise<number> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return Math.max(0, Math.min(limitBytes ?? Number.POSITIVE_INFINITY, (bavail - blocks * LEAST_FREE) * bsize));
}

/** A signal that is aborted with a NoRoomError once a folder has grown too large, or its disk is nearly full. */
export function watchDisk(
  folder: string,
  limitBytes: number | undefined,
): Disposable & { readonly signal: AbortSignal } {
  const full = new AbortController();
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    try {
      if (limitBytes !== undefined && (await sizeOf(folder)) > limitBytes)
        full.abort(new NoRoomError(`the restore test took more than ${prettyBytes(limitBytes)} (VERIFY_DISK_LIMIT)`));
      const { bavail, blocks } = await statfs(folder);
      if (bavail < blocks * LEAST_FREE)
        full.abort(new NoRoomError(`the disk of VERIFY_DIR has less than ${LEAST_FREE * 100} % free`));
    } catch {
      // The folder is being removed.
    } finally {
      isLooking = false;
    }
  };
  const timer = setInterval(() => void look(), EVERY_MS);
  return { signal: full.signal, [Symbol.dispose]: () => clearInterval(timer) };
}

/** Adds up what a folder takes on the disk, while a server makes and removes files in it. */
async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += await sizeOf(path);
    else bytes += ((await lstat(path).catch(() => undefined))?.blocks ?? 0) * BLOCK_BYTES;
  }
  return bytes;
}
