import type { FileHandle } from 'node:fs/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { collectGarbage } from '@pgstow/shared/runtime/collect-garbage.ts';
import type { FileDigests } from '../file-digests.ts';
import { FileRange } from './file-range.ts';
import { OccupiedError } from './occupied-error.ts';
import { sendFromFile } from './send-from-file.ts';

const ABORT_LIMIT_MS = 10_000;
/** Parts under way at a time. */
const IN_FLIGHT = 4;
/** Parts whose small objects V8 is left to free when it likes: over thousands of parts it lets 30 MB of them gather. */
const PARTS_OF_GARBAGE = 32;

export type S3UploadOptions = {
  readonly params: Omit<PutObjectCommandInput, 'Body' | 'ContentLength' | 'Bucket' | 'Key'> & {
    readonly Bucket: string;
    readonly Key: string;
  };
  readonly digests: FileDigests;
  /** Asked before the parts become an object. */
  readonly isOccupied: () => Promise<boolean>;
  readonly onProgress: (sentBytes: number) => void;
  readonly signal: AbortSignal;
};

/** Puts a file, in parts where it has more than one. When it throws, no request of it is under way. */
export async function uploadFile(client: S3Client, file: FileHandle, options: S3UploadOptions): Promise<void> {
  const { params, digests, onProgress, signal } = options;
  const failed = new AbortController();
  const upload = new Upload({
    client: createUploadClient(client, file, failed, options),
    params: { ...params, Body: new FileRange(0, digests.bytes) },
    partSize: digests.parts.partBytes,
    queueSize: IN_FLIGHT,
  });
  let arrived = 0;
  upload.on('httpUploadProgress', ({ loaded }) => {
    arrived += 1;
    if (arrived % PARTS_OF_GARBAGE === 0) collectGarbage();
    onProgress(loaded ?? 0);
  });
  try {
    await upload.done();
  } catch (error) {
    // The first failure is the reason; it ended the other requests.
    throw signal.aborted ? signal.reason : (failed.signal.reason ?? error);
  }
}

/**
 * Makes the client for an upload. lib-storage gives its requests no signal, and when a part fails it goes on with the others. With
 * this client the first failure, or our own signal, ends all requests, and the parts are dropped before `done` throws.
 */
function createUploadClient(
  client: S3Client,
  file: FileHandle,
  failed: AbortController,
  { params, digests, isOccupied, signal }: S3UploadOptions,
): S3Client {
  const ended = AbortSignal.any([signal, failed.signal]);
  const idle: Buffer[][] = [];
  const send = async (command: Parameters<S3Client['send']>[0]): Promise<unknown> => {
    if (command instanceof AbortMultipartUploadCommand) {
      // If the store is away, the next attempt finds the parts among the open uploads.
      return client.send(command, { abortSignal: AbortSignal.timeout(ABORT_LIMIT_MS) }).catch(() => undefined);
    }
    try {
      ended.throwIfAborted();
      if (command instanceof PutObjectCommand || command instanceof CompleteMultipartUploadCommand)
        await digests.whole();
      if (command instanceof PutObjectCommand || command instanceof UploadPartCommand) {
        const number = command instanceof UploadPartCommand ? command.input.PartNumber : 1;
        const range = command.input.Body as FileRange;
        sendFromFile(command, { file, range, digest: await digests.part(number ?? 1), idle });
      }
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
