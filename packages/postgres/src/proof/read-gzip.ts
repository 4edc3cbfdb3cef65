import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { ProvenContent } from '@pgstow/shared/contract/manifest.ts';
import { collectYoungGarbage } from '@pgstow/shared/runtime/collect-garbage.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { READ_BYTES, Sums, type DumpKind } from './dump-file.ts';
import { DumpTextReader, type DumpTextSink } from './dump-text.ts';

const TEXT_BYTES = 256 * 1024;
/** V8 gathers some 30 MB of used text before it frees any by itself. */
const GARBAGE_BYTES = 4 * 1024 * 1024;

/**
 * Reads a gzip and the dump in it to their ends. zlib decompresses it here: a pipe from a faster program would cost what that
 * saves, and another program than the one that compressed is better proof.
 *
 * @param sink receives the text before it is known whether the file is whole
 * @throws RetryableError if the file is not one whole gzip of a complete dump, and nothing else; PermanentError as
 *   `DumpTextReader` does, and whatever the sink throws
 */
export async function readGzip(
  gzip: AsyncIterable<Buffer>,
  { kind, sink }: { readonly kind: DumpKind; readonly sink?: DumpTextSink | undefined },
): Promise<ProvenContent> {
  const sums = new Sums();
  const reader = new DumpTextReader(sink, kind);
  let tail: Buffer = Buffer.alloc(0);
  const take = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of sums.of(gzip)) {
      tail = Buffer.concat([tail, chunk.subarray(-4)]).subarray(-4);
      yield chunk;
    }
  };
  const gunzip = createGunzip({ chunkSize: TEXT_BYTES });
  const readText = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    let garbageBytes = 0;
    for await (const chunk of chunks) {
      reader.push(chunk);
      garbageBytes += chunk.length;
      if (garbageBytes < GARBAGE_BYTES) continue;
      collectYoungGarbage();
      garbageBytes = 0;
    }
  };
  try {
    // As the last of the pipeline, the decompressor would end it before it says that the end of the gzip is missing.
    await pipeline(Readable.from(take(), { objectMode: false, highWaterMark: READ_BYTES }), gunzip, readText);
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    if (!code.startsWith('Z_')) throw cause;
    throw new RetryableError(`the gzip does not decompress whole: ${message}`, { cause });
  }
  const { isComplete, ...text } = reader.end();
  if (!isComplete)
    throw new RetryableError(
      `the dump does not end with ${kind === 'globals' ? 'pg_dumpall' : 'pg_dump'}'s completion line`,
    );
  assertOneMember(tail, text.sqlBytes, sums.bytes - gunzip.bytesWritten);
  return { bytes: sums.bytes, sha256: sums.sha256(), ...text };
}

/**
 * A gzip ends with the size of its text, modulo 2^32. With anything behind it, the file ends in other bytes: garbage, which a
 * decompressor skips, or another gzip, which it takes for more text.
 * Source: https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1
 */
function assertOneMember(tail: Buffer, textBytes: number, passedOverBytes: number): void {
  if (passedOverBytes === 0 && tail.length === 4 && tail.readUInt32LE() === textBytes % 2 ** 32) return;
  throw new RetryableError('the file is not one gzip and nothing else: bytes follow its end');
}
