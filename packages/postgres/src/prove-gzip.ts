import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { DumpTextReader, type DumpText } from './dump-text.ts';

export type ProvenGzip = {
  readonly bytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly text: DumpText;
};

const READ_BYTES = 64 * 1024;
const TEXT_BYTES = 1024 * 1024;
const LOOK_AGAIN_MS = 20;

/**
 * Proves what lies on the disk: the file is one gzip and nothing else, it decompresses whole, and its text is a complete
 * dump. It is decompressed here, because the pipe that would bring us the text costs more than a faster program saves.
 *
 * @param written for a file that is still being written: ends when it is whole. Until then the proof follows the file,
 *   so that little is left to do once the dump is done.
 * @throws RetryableError if the file does not stand up to it; the signal's reason once that is aborted
 */
export async function proveGzip(
  path: string,
  signal: AbortSignal,
  written: Promise<unknown> = Promise.resolve(),
): Promise<ProvenGzip> {
  const hash = createHash('sha256');
  const reader = new DumpTextReader();
  let bytes = 0;
  let tail: Buffer = Buffer.alloc(0);
  const take = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of followFile(path, signal, written)) {
      hash.update(chunk);
      bytes += chunk.length;
      tail = Buffer.concat([tail, chunk.subarray(-4)]).subarray(-4);
      yield chunk;
    }
  };
  const gunzip = createGunzip({ chunkSize: TEXT_BYTES });
  const readText = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) reader.push(chunk);
  };
  try {
    // As the last of the pipeline, the decompressor would end it before it says that the end of the gzip is missing.
    await pipeline(Readable.from(take(), { objectMode: false, highWaterMark: READ_BYTES }), gunzip, readText, {
      signal,
    });
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    const { code = '', message } = cause as NodeJS.ErrnoException;
    if (!code.startsWith('Z_')) throw cause;
    throw new RetryableError(`the gzip does not decompress whole: ${message}`, { cause });
  }
  const text = reader.end();
  if (!text.isComplete) throw new RetryableError("the dump does not end with pg_dump's completion line");
  assertOneMember(tail, text.bytes, bytes - gunzip.bytesWritten);
  return { bytes, sha256: hash.digest('hex'), text };
}

/** The file's content, and while it is being written what comes to it. */
async function* followFile(path: string, signal: AbortSignal, written: Promise<unknown>): AsyncGenerator<Buffer> {
  let isWritten = false;
  written.then(
    () => (isWritten = true),
    () => (isWritten = true),
  );
  await using file = await open(path, 'r');
  for (let position = 0; ;) {
    signal.throwIfAborted();
    // Asked before the read: what is written between the two is read the next time.
    const isLast = isWritten;
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(READ_BYTES), 0, READ_BYTES, position);
    position += bytesRead;
    if (bytesRead > 0) yield buffer.subarray(0, bytesRead);
    else if (isLast) return;
    else await delay(LOOK_AGAIN_MS);
  }
}

/**
 * A gzip ends with the size of its text, modulo 2^32. Anything behind it, garbage that a decompressor passes over or
 * another gzip that it takes for more of the text, makes the file end in something else.
 * Source: https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1
 */
function assertOneMember(tail: Buffer, textBytes: number, passedOverBytes: number): void {
  if (passedOverBytes === 0 && tail.length === 4 && tail.readUInt32LE() === textBytes % 2 ** 32) return;
  throw new RetryableError('the file is not one gzip and nothing else: bytes follow its end');
}
