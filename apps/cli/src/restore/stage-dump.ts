import { createHash } from 'node:crypto';
import { access, constants, mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backup } from '@pgstow/backups/list-backups.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { isThere } from '@pgstow/shared/runtime/atomic-file.ts';
import { dumpKey } from '@pgstow/store/object-key.ts';
import type { Store } from '@pgstow/store/store.ts';
import prettyBytes from 'pretty-bytes';
import { exitCodes, ExitError, failure } from '../exit-codes.ts';
import { showTransfer } from '../format/show-transfer.ts';
import type { Progress } from '../format/start-progress.ts';

/** A dump that lies on a disk of this machine. */
export type StagedDump = AsyncDisposable & { readonly path: string; readonly sha256: string };

export type DumpSource = {
  readonly backup: Backup;
  /** `local`, or the destination that it is taken from. */
  readonly place: string;
  readonly folder: string;
  readonly stores: readonly Store[];
  /** Folder for a dump from a store, where the command line names one. */
  readonly staging: string | undefined;
  readonly signal: AbortSignal;
};

type ReadOptions = {
  readonly signal: AbortSignal;
  /** Called with the bytes that were read. */
  readonly onProgress: (bytes: number) => void;
};

const READ_BYTES = 1024 * 1024;

/**
 * Reads a dump in the folder, or brings one from a store, and compares it with its manifest.
 *
 * @throws ExitError if it is not what its manifest says, or cannot be brought
 */
export async function stageDump(source: DumpSource, show: ReturnType<Progress['add']>): Promise<StagedDump> {
  const { backup, place, folder, stores, signal } = source;
  const begin = (what: string) => showTransfer(show, what, backup.bytes);
  await using stack = new AsyncDisposableStack();
  const dump = stack.use(
    place === LOCAL
      ? await hashDump(join(folder, backup.name), { signal, onProgress: begin('checking') })
      : await bringDump(findStore(stores, place), source, { signal, onProgress: begin(`fetching from ${place}`) }),
  );
  assertContent(dump, backup, place);
  show(100, place === LOCAL ? 'checked' : `fetched from ${place}`);
  stack.move();
  return dump;
}

function findStore(stores: readonly Store[], place: string): Store {
  const store = stores.find((each) => each.destination.name === place);
  if (store === undefined) throw failure(`there is no destination ${place}`);
  return store;
}

/** The folder that was named, else the backup folder, else the system's own for such files. */
async function chooseStagingFolder({ staging, folder: backupFolder }: DumpSource): Promise<string> {
  if (staging !== undefined) return staging;
  const isWritable = await access(backupFolder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  return isWritable ? backupFolder : tmpdir();
}

/**
 * Copies a dump from a store to a file. Where /proc allows it, the file loses its name before anything is in it: even SIGKILL
 * leaves nothing behind.
 *
 * @throws ExitError if there is no room; as the store does
 */
async function bringDump(store: Store, source: DumpSource, { signal, onProgress }: ReadOptions): Promise<StagedDump> {
  const { name, bytes } = source.backup;
  const folder = await chooseStagingFolder(source);
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
    for await (const chunk of store.read(dumpKey(store.destination.prefix, name), signal)) {
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

/** Reads a dump in its folder. */
async function hashDump(path: string, { signal, onProgress }: ReadOptions): Promise<StagedDump> {
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
  return failure(
    `${folder} has no room for the dump${wanted}; the target was not touched`,
    'Free some space there, or name another folder with --staging.',
  );
}

function explain(error: unknown, folder: string, bytes: number | undefined): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return noRoom(folder, bytes);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOENT' || code === 'ENOTDIR') {
    return failure(
      `cannot write to the staging folder ${folder} (${code}); the target was not touched`,
      'Name a folder that this user may write to with --staging.',
    );
  }
  return error;
}

function assertContent({ sha256 }: StagedDump, { name, manifest, places }: Backup, place: string): void {
  if (manifest === undefined || sha256 === manifest.sha256) return;
  const other = places.find((each) => each !== place);
  throw new ExitError(
    exitCodes.bad,
    `${name} at ${place} is BAD: its sha256 is ${sha256}, and its manifest says ${manifest.sha256}; the target was not touched`,
    other === undefined
      ? 'Choose another backup with --at, or another place with --from.'
      : `Try its copy: --from ${other}`,
  );
}
