import {
  AbortMultipartUploadCommand,
  UploadPartCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { FileHandle } from 'node:fs/promises';
import type { PartPlan } from './part-plan.ts';

const READ_BYTES = 1024 * 1024;
const ABORT_LIMIT_MS = 10_000;

export type S3UploadOptions = {
  readonly params: Omit<PutObjectCommandInput, 'Body' | 'ContentLength'>;
  readonly bytes: number;
  readonly parts: PartPlan;
  readonly onProgress: (sentBytes: number) => void;
  readonly signal: AbortSignal;
};

/**
 * Puts a file through lib-storage. What that lacks is added: a signal that reaches the requests under way, and an end to
 * all parts once one has failed. The request to drop the parts is sent before this throws.
 */
export async function uploadFile(client: S3Client, file: FileHandle, options: S3UploadOptions): Promise<void> {
  const { params, bytes, parts, onProgress, signal } = options;
  signal.throwIfAborted();
  const failed = new AbortController();
  const ended = AbortSignal.any([signal, failed.signal]);
  const body = file.createReadStream({ start: 0, end: bytes - 1, autoClose: false, highWaterMark: READ_BYTES });
  const stopReading = (): void => void body.destroy(new Error('upload ended'));
  // Whoever reads it learns of the error anyway; without a listener one that comes when nobody reads would end the process.
  body.on('error', () => undefined);
  ended.addEventListener('abort', stopReading, { once: true });

  let cause: { readonly error: unknown } | undefined;
  const boundClient = Object.create(client) as S3Client;
  boundClient.send = (async (command: Parameters<S3Client['send']>[0]) => {
    if (command instanceof AbortMultipartUploadCommand)
      return client.send(command, { abortSignal: AbortSignal.timeout(ABORT_LIMIT_MS) });
    if (command instanceof UploadPartCommand) sendPartAtOnce(command);
    try {
      return await client.send(command, { abortSignal: ended });
    } catch (error) {
      cause ??= { error };
      failed.abort();
      throw error;
    }
  }) as S3Client['send'];

  try {
    const upload = new Upload({
      client: boundClient,
      params: { ...params, Body: body, ContentLength: bytes },
      partSize: parts.partBytes,
      queueSize: parts.concurrency,
    });
    upload.on('httpUploadProgress', ({ loaded }) => onProgress(loaded ?? 0));
    await upload.done();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    // What failed first, not what failed because of it.
    throw cause?.error ?? error;
  } finally {
    ended.removeEventListener('abort', stopReading);
    body.destroy();
  }
}

/**
 * The SDK asks before every large body whether it is welcome (`Expect: 100-continue`), each time over a new connection.
 * Who was let begin an upload in parts is welcome.
 */
function sendPartAtOnce(command: UploadPartCommand): void {
  command.middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { headers: Record<string, string> };
      delete headers['Expect'];
      return next(args);
    },
    { step: 'build', priority: 'low', name: 'sendPartAtOnce', override: true },
  );
}
