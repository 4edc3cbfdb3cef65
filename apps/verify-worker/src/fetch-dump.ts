import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { collectYoungGarbage } from '@pgstow/shared/runtime/collect-garbage.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { MissingError } from '@pgstow/store/missing-error.ts';
import { dumpKey } from '@pgstow/store/object-key.ts';
import prettyBytes from 'pretty-bytes';
import type { WantedDump } from './find-wanted-dump.ts';
import { BadDumpError } from './restore-finding.ts';

/** Left to itself, V8 lets tens of megabytes of what was read gather before it frees any. */
const GARBAGE_BYTES = 4 * 1024 * 1024;

/**
 * Copies the dump, as it lies at its place, to a path of ours, and holds it against its manifest.
 *
 * @throws BadDumpError if what lies there is not the dump
 */
export async function fetchDump(
  wanted: WantedDump,
  backupFolder: string,
  path: string,
  signal: AbortSignal,
  onProgress: (bytes: number) => void,
): Promise<void> {
  const { manifest, destination } = wanted;
  const hash = createHash('sha256');
  let bytes = 0;
  let garbageBytes = 0;
  await using file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of readDump(wanted, backupFolder, signal)) {
      signal.throwIfAborted();
      hash.update(chunk);
      bytes += chunk.length;
      // More than it may have makes it no better, and takes room.
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
}

function readDump({ manifest, store }: WantedDump, folder: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  return store === undefined
    ? createReadStream(join(folder, manifest.name), { signal, highWaterMark: 256 * 1024 })
    : store.read(dumpKey(store.place.prefix, manifest.name), signal);
}

function isGone(error: unknown): boolean {
  return error instanceof MissingError || (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** A file that is gone was pruned. An object that is gone is lost, if the store once confirmed it. */
function goneError({ manifest, destination, store, isConfirmed }: WantedDump): Error {
  if (store === undefined) return new PermanentError(`${manifest.name} is not in the backup folder any more`);
  if (isConfirmed) return new BadDumpError(`${manifest.name} is gone from ${destination}, which had confirmed it`);
  return new RetryableError(`${manifest.name} is not at ${destination} yet`);
}
