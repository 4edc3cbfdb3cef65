import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import type { PartDigest } from '../file-digests.ts';
import type { FileRange } from './file-range.ts';

const CHUNK_BYTES = 256 * 1024;
/** One chunk is in the socket, one waits for it, and one is being read. */
const CHUNKS = 3;

export type SendOptions = {
  readonly file: FileHandle;
  readonly range: FileRange;
  readonly digest: PartDigest;
  /** Buffers that no request uses now. Fresh ones for each part would gather by tens of megabytes before V8 frees them. */
  readonly idle: Buffer[][];
};

/**
 * Has a request send a stretch of a file. Each attempt reads it anew, so the SDK may try again, which it does with no stream. The
 * signature covers the MD5 in place of the body, which would have to be read once more; the store compares it.
 */
export function sendFromFile(
  command: PutObjectCommand | UploadPartCommand,
  { file, range, digest, idle }: SendOptions,
): void {
  Object.assign(command.input, {
    Body: undefined,
    ContentLength: range.byteLength,
    ContentMD5: digest.md5.toString('base64'),
    ChecksumCRC32: digest.crc32?.toString('base64'),
    ChecksumSHA256: digest.sha256?.toString('base64'),
  });
  const middlewareStack = command.middlewareStack as UploadPartCommand['middlewareStack'];
  middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { headers: Record<string, string> };
      headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      return next(args);
    },
    { step: 'build', name: 'signNoBody', override: true },
  );
  middlewareStack.add(
    (next) => async (args) => {
      const buffers = idle.pop() ?? Array.from({ length: CHUNKS }, () => Buffer.allocUnsafeSlow(CHUNK_BYTES));
      const chunks = readRange(file, range, buffers);
      const body = Readable.from(chunks, { objectMode: false, highWaterMark: CHUNK_BYTES });
      // The SDK does not notice that a body fails.
      const failed = new Promise<never>((_resolve, reject) => body.once('error', reject));
      try {
        const answer = await Promise.race([next({ ...args, request: { ...(args.request as object), body } }), failed]);
        // Until all is read and answered, a read or the socket may still use them.
        if (body.readableEnded) idle.push(buffers);
        return answer;
      } finally {
        body.destroy();
      }
    },
    { step: 'finalizeRequest', priority: 'low', name: 'sendFromFile', override: true },
  );
}

/** Reads into the buffers in turn. */
async function* readRange(
  file: FileHandle,
  { start, end }: FileRange,
  buffers: readonly Buffer[],
): AsyncGenerator<Buffer> {
  let position = start;
  while (position < end) {
    for (const buffer of buffers) {
      const wanted = Math.min(buffer.length, end - position);
      if (wanted === 0) return;
      const { bytesRead } = await file.read(buffer, 0, wanted, position);
      if (bytesRead === 0) throw new RetryableError(`the file ends after ${position} bytes`);
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }
}
