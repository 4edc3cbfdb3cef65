import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { collectYoungGarbage } from '@pgstow/shared/runtime/collect-garbage.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { showProgress } from '@pgstow/shared/runtime/jobs/show-progress.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import { MissingError } from '@pgstow/store/missing-error.ts';
import { dumpKey } from '@pgstow/store/object-key.ts';
import prettyBytes from 'pretty-bytes';
import { BadDumpError } from './bad-dump-error.ts';
import type { VerifyContext } from './context.ts';
import type { WantedDump } from './find-wanted-dump.ts';

/** V8 would let tens of megabytes of read buffers gather before it frees any. */
const GARBAGE_BYTES = 4 * 1024 * 1024;

/**
 * Copies the dump, as it lies at its destination, into a folder, and compares it with its manifest.
 *
 * @returns the path of the copy
 * @throws BadDumpError if what lies there is not the dump
 */
export async function fetchDump(
  task: Task<'verify'>,
  { backup }: VerifyContext,
  wanted: WantedDump,
  folder: string,
  signal: AbortSignal,
): Promise<string> {
  const { manifest, destination } = wanted;
  const path = join(folder, 'dump.sql.gz');
  const onProgress = showProgress(task, manifest.bytes, 0, 20);
  const hash = createHash('sha256');
  let bytes = 0;
  let garbageBytes = 0;
  await using file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of readDump(wanted, backup.folder, signal)) {
      signal.throwIfAborted();
      hash.update(chunk);
      bytes += chunk.length;
      // A copy that is too long is bad already: the rest would only take room.
      if (bytes > manifest.bytes) break;
      for (let done = 0; done < chunk.length;) done += (await file.write(chunk, done)).bytesWritten;
      onProgress(bytes);
      garbageBytes += chunk.length;
      if (garbageBytes < GARBAGE_BYTES) continue;
      collectYoungGarbage();
      garbageBytes = 0;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw isGone(error) ? goneError(wanted) : error;
  }
  const what = `what lies at ${destination} as ${manifest.name} is not the dump`;
  if (bytes !== manifest.bytes) {
    const has = bytes > manifest.bytes ? `more than ${prettyBytes(manifest.bytes)}` : `${bytes} bytes`;
    throw new BadDumpError(`${what}: it has ${has}, and its manifest says ${manifest.bytes} bytes`);
  }
  const sha256 = hash.digest('hex');
  if (sha256 !== manifest.sha256)
    throw new BadDumpError(`${what}: its sha256 is ${sha256}, and its manifest says ${manifest.sha256}`);
  task.note(`fetched ${prettyBytes(manifest.bytes)}, sha256 as in the manifest`);
  return path;
}

function readDump({ manifest, store }: WantedDump, folder: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  return store === undefined
    ? createReadStream(join(folder, manifest.name), { signal, highWaterMark: 256 * 1024 })
    : store.read(dumpKey(store.destination.prefix, manifest.name), signal);
}

function isGone(error: unknown): boolean {
  return error instanceof MissingError || (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** A file that is gone was pruned. An object that the store once confirmed is lost. */
function goneError({ manifest, destination, store, isConfirmed }: WantedDump): Error {
  if (store === undefined) return new PermanentError(`${manifest.name} is not in the backup folder any more`);
  if (isConfirmed) return new BadDumpError(`${manifest.name} is gone from ${destination}, which had confirmed it`);
  return new RetryableError(`${manifest.name} is not at ${destination} yet`);
}
