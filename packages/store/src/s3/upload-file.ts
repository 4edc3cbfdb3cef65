import type { FileHandle } from 'node:fs/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  UploadPartCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { collectGarbage } from '@pgstow/shared/runtime/collect-garbage.ts';
import type { PartPlan } from '../part-plan.ts';
import { OccupiedError } from './occupied-error.ts';

const ABORT_LIMIT_MS = 10_000;
const READ_BYTES = 256 * 1024;

export type S3UploadOptions = {
  readonly params: Omit<PutObjectCommandInput, 'Body' | 'ContentLength' | 'Bucket' | 'Key'> & {
    readonly Bucket: string;
    readonly Key: string;
  };
  readonly bytes: number;
  readonly parts: PartPlan;
  /** Asked before the parts become an object. */
  readonly isOccupied: () => Promise<boolean>;
  readonly onProgress: (sentBytes: number) => void;
  readonly signal: AbortSignal;
};

/** Puts a file, in parts where it has more than one. When it throws, no request of it is under way. */
export async function uploadFile(client: S3Client, file: FileHandle, options: S3UploadOptions): Promise<void> {
  const { params, bytes, parts, onProgress, signal } = options;
  const failed = new AbortController();
  const Body = file.createReadStream({ start: 0, end: bytes - 1, autoClose: false, highWaterMark: READ_BYTES });
  try {
    const upload = new Upload({
      client: createUploadClient(client, failed, options),
      params: { ...params, Body, ContentLength: bytes },
      partSize: parts.partBytes,
      queueSize: parts.concurrency,
    });
    upload.on('httpUploadProgress', ({ loaded }) => {
      // Each part is a copy of what was read. By itself V8 lets some 60 MB of such copies gather.
      collectGarbage();
      onProgress(loaded ?? 0);
    });
    await upload.done();
  } catch (error) {
    // The first failure is the reason; it ended the other requests.
    throw signal.aborted ? signal.reason : (failed.signal.reason ?? error);
  } finally {
    Body.destroy();
  }
}

/**
 * Makes the client for an upload. lib-storage gives its requests no signal, and when a part fails it goes on with the others. With
 * this client the first failure, or our own signal, ends all requests, and the parts are dropped before `done` throws.
 */
function createUploadClient(
  client: S3Client,
  failed: AbortController,
  { params, isOccupied, signal }: S3UploadOptions,
): S3Client {
  const ended = AbortSignal.any([signal, failed.signal]);
  const send = async (command: Parameters<S3Client['send']>[0]): Promise<unknown> => {
    if (command instanceof AbortMultipartUploadCommand) {
      // If the store is away, the next attempt finds the parts among the open uploads.
      return client.send(command, { abortSignal: AbortSignal.timeout(ABORT_LIMIT_MS) }).catch(() => undefined);
    }
    try {
      ended.throwIfAborted();
      if (command instanceof UploadPartCommand) sendAtOnce(command);
      // Ceph (16.2) obeys If-None-Match for whole objects and not here, and the last look may be hours ago.
      if (
        command instanceof CompleteMultipartUploadCommand &&
        params.IfNoneMatch !== undefined &&
        (await isOccupied())
      ) {
        throw new OccupiedError(`${params.Key} was put meanwhile`);
      }
      return await client.send(command, { abortSignal: ended });
    } catch (error) {
      // The first reason that a signal is aborted with stays.
      failed.abort(error);
      throw error;
    }
  };
  return Object.assign(Object.create(client) as S3Client, { send });
}

/**
 * Sends a part without asking first. The SDK asks before every large body (`Expect: 100-continue`), each time over a new
 * connection; a store that let the upload begin takes its parts.
 */
function sendAtOnce(command: UploadPartCommand): void {
  command.middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { headers: Record<string, string> };
      delete headers['Expect'];
      return next(args);
    },
    { step: 'build', priority: 'low', name: 'sendAtOnce', override: true },
  );
}
