import { createHash } from 'node:crypto';
import { link, lstat, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '@pgstow/shared/runtime/atomic-file.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import type { PutOptions, PutOutcome } from '../store.ts';
import { secondsOf, writeMetadata } from './object-metadata.ts';
import { newPartial } from './object-path.ts';
import type { Patience } from './patience.ts';

/** The content of an object. */
export type Content = {
  readonly bytes: number;
  /** Reads on at a position into a buffer, and says how much it read. */
  readonly read: (buffer: Buffer, position: number) => Promise<number>;
  /** Its digest as it should be, in base64. Resolves once all of it may be put. */
  readonly sha256: () => Promise<string>;
  /** Called with the bytes that were written. */
  readonly onProgress: (bytes: number) => void;
};

const COPY_BYTES = 1024 * 1024;
/** What is written is brought to the disk in steps of so much: a slow one then answers each in time. */
const SYNC_BYTES = 64 * COPY_BYTES;

/**
 * Writes an object: under a hidden name, synced, read back and compared, and only then named. Whatever ends it early leaves nothing
 * under the object's name.
 *
 * @param path whose folders are there
 * @throws RetryableError if what is read back is not what was written
 */
export async function putObject(
  path: string,
  content: Content,
  { mode, metadata, signal }: Pick<PutOptions, 'mode' | 'metadata' | 'signal'>,
  patience: Patience,
): Promise<PutOutcome> {
  if (mode === 'create' && (await isTaken(path, patience, signal))) return 'occupied';
  const partial = newPartial(path);
  try {
    const sha256 = await writeAndRead(partial, content, patience, signal);
    const stats = await patience.wait(() => lstat(partial), signal);
    if (!(await patience.wait(() => giveName(partial, path, mode), signal))) return 'occupied';
    await patience.wait(() => syncFolder(dirname(path)));
    const modifiedSeconds = secondsOf(stats);
    await patience.wait(() =>
      writeMetadata(path, { version: 1, bytes: stats.size, modifiedSeconds, sha256, metadata }),
    );
    return 'stored';
  } finally {
    // A file system that is away keeps it, as an open upload.
    if (!patience.isExhausted) await patience.wait(() => rm(partial, { force: true })).catch(() => undefined);
  }
}

async function isTaken(path: string, patience: Patience, signal: AbortSignal): Promise<boolean> {
  try {
    await patience.wait(() => lstat(path), signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function writeAndRead(path: string, content: Content, patience: Patience, signal: AbortSignal): Promise<string> {
  await withFile(path, 'wx', patience, signal, async (file) => {
    const buffer = Buffer.allocUnsafeSlow(Math.min(COPY_BYTES, Math.max(1, content.bytes)));
    for (let position = 0; position < content.bytes;) {
      signal.throwIfAborted();
      const length = await content.read(
        buffer.subarray(0, Math.min(buffer.length, content.bytes - position)),
        position,
      );
      for (let done = 0; done < length;) {
        const at = done;
        done += (await patience.wait(() => file.write(buffer, at, length - at, position + at), signal)).bytesWritten;
      }
      position += length;
      if (position % SYNC_BYTES < length) await patience.wait(() => file.datasync(), signal);
      content.onProgress(position);
    }
    await patience.wait(() => file.sync(), signal);
  });
  const wanted = await content.sha256();
  signal.throwIfAborted();
  const found = await withFile(path, 'r', patience, signal, (file) => digest(file, patience, signal));
  if (found !== wanted) throw new RetryableError(`${path} does not read back as it was written`);
  return found;
}

async function digest(file: FileHandle, patience: Patience, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(COPY_BYTES);
  for (let position = 0; ;) {
    const at = position;
    const { bytesRead } = await patience.wait(() => file.read(buffer, 0, buffer.length, at), signal);
    if (bytesRead === 0) return hash.digest('base64');
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}

async function withFile<T>(
  path: string,
  flags: 'wx' | 'r',
  patience: Patience,
  signal: AbortSignal,
  work: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const file = await patience.wait(() => open(path, flags, 0o600), signal);
  try {
    return await work(file);
  } finally {
    // Closing waits for a call that has had no answer.
    const closed = file.close().catch(() => undefined);
    if (!patience.isExhausted) await patience.wait(() => closed).catch(() => undefined);
  }
}

/** File systems that know no second name of a file: FAT, and SMB without extensions. */
const CANNOT_LINK: ReadonlySet<unknown> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL']);

/** @returns false if the name is taken and is not to be replaced */
async function giveName(partial: string, path: string, mode: PutOptions['mode']): Promise<boolean> {
  if (mode === 'create') {
    try {
      await link(partial, path);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') return false;
      if (!CANNOT_LINK.has(code)) throw error;
    }
    // Another writer may come in between here; pgstow's own are kept apart by a lock.
    const isFree = await lstat(path).then(
      () => false,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return true;
        throw error;
      },
    );
    if (!isFree) return false;
  }
  await rename(partial, path);
  return true;
}
