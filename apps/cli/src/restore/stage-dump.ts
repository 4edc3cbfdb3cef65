import { createHash } from 'node:crypto';
import { access, constants, mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { isThere } from '@pgstow/shared/runtime/atomic-file.ts';
import { dumpKey } from '@pgstow/store/object-key.ts';
import type { Store } from '@pgstow/store/store.ts';
import prettyBytes from 'pretty-bytes';
import { exitCodes, ExitError } from '../exit-codes.ts';

/** A dump that lies on a disk of this machine. */
export type StagedDump = AsyncDisposable & { readonly path: string; readonly sha256: string };

export type StageOptions = {
  readonly signal: AbortSignal;
  /** Called with the bytes that were read. */
  readonly onProgress: (bytes: number) => void;
};

const READ_BYTES = 1024 * 1024;

/** Where a dump from a store is put meanwhile: where one is told to, else in the backup folder, else where the system puts such. */
export async function chooseStagingFolder(told: string | undefined, backupFolder: string): Promise<string> {
  if (told !== undefined) return told;
  const isWritable = await access(backupFolder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  return isWritable ? backupFolder : tmpdir();
}

/**
 * Brings a dump from a store, and says what came. Where it can, its file loses its name before anything is in it: whatever
 * ends this process, nothing of it stays.
 *
 * @throws ExitError if there is no room; as the store does
 */
export async function stageDump(
  store: Store,
  name: BackupName,
  bytes: number | undefined,
  folder: string,
  { signal, onProgress }: StageOptions,
): Promise<StagedDump> {
  await using stack = new AsyncDisposableStack();
  try {
    const { bavail, bsize } = await statfs(folder);
    if (bytes !== undefined && bavail * bsize < bytes) throw noRoom(folder, bytes);
    const own = await mkdtemp(join(folder, '.pgstow-restore-'));
    stack.defer(() => rm(own, { recursive: true, force: true }));
    const named = join(own, name);
    const file = stack.use(await open(named, 'wx+', 0o600));
    const nameless = `/proc/${process.pid}/fd/${file.fd}`;
    const path = (await isThere(nameless)) ? nameless : named;
    if (path === nameless) await rm(own, { recursive: true });
    const hash = createHash('sha256');
    let position = 0;
    for await (const chunk of store.read(dumpKey(store.place.prefix, name), signal)) {
      hash.update(chunk);
      for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at, undefined, position + at)).bytesWritten;
      position += chunk.length;
      onProgress(position);
    }
    const owned = stack.move();
    return { path, sha256: hash.digest('hex'), [Symbol.asyncDispose]: () => owned.disposeAsync() };
  } catch (error) {
    throw explain(error, folder, bytes);
  }
}

/** Reads a dump where it lies. */
export async function hashDump(path: string, { signal, onProgress }: StageOptions): Promise<StagedDump> {
  await using file = await open(path, 'r');
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let position = 0; ;) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, READ_BYTES, position);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
    onProgress(position);
  }
  return { path, sha256: hash.digest('hex'), [Symbol.asyncDispose]: () => Promise.resolve() };
}

function noRoom(folder: string, bytes: number | undefined): ExitError {
  const wanted = bytes === undefined ? '' : ` of ${prettyBytes(bytes)}`;
  return new ExitError(
    exitCodes.failed,
    `${folder} has no room for the dump${wanted}; the target was not touched`,
    'Free some space there, or name another folder with --staging.',
  );
}

function explain(error: unknown, folder: string, bytes: number | undefined): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return noRoom(folder, bytes);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOENT' || code === 'ENOTDIR') {
    return new ExitError(
      exitCodes.failed,
      `cannot write to the staging folder ${folder} (${code}); the target was not touched`,
      'Name a folder that this user may write to with --staging.',
    );
  }
  return error;
}
