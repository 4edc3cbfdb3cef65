import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
  type CompletedPart,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { FileHandle } from 'node:fs/promises';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import type { PartBuffers } from './part-buffers.ts';
import type { PartPlan } from './part-plan.ts';

const ABORT_LIMIT_MS = 10_000;

export type S3UploadOptions = {
  readonly params: Omit<PutObjectCommandInput, 'Body' | 'ContentLength' | 'Bucket' | 'Key'> & {
    readonly Bucket: string;
    readonly Key: string;
  };
  readonly bytes: number;
  readonly parts: PartPlan;
  readonly buffers: PartBuffers;
  /** Asked before parts are made an object. */
  readonly isOccupied: () => Promise<boolean>;
  readonly onProgress: (sentBytes: number) => void;
  readonly signal: AbortSignal;
};

/** Something lies there, as a store says by status 412. */
export class OccupiedError extends Error {
  override readonly name = 'OccupiedError';
}

/**
 * Puts a file, in parts where it has more than one. The parts go through a few buffers that are used over and over, so
 * that memory is flat: @aws-sdk/lib-storage copies each part anew, and a process that sends 100 MB through it grows by as
 * much before the copies are collected.
 */
export async function uploadFile(client: S3Client, file: FileHandle, options: S3UploadOptions): Promise<void> {
  if (options.parts.count === 1) await putWhole(client, file, options);
  else await putInParts(client, file, options);
}

async function putWhole(client: S3Client, file: FileHandle, options: S3UploadOptions): Promise<void> {
  const { params, bytes, parts, buffers, onProgress, signal } = options;
  const buffer = buffers.take(parts.partBytes);
  const Body = await readPart(file, buffer, 0, bytes);
  await client.send(new PutObjectCommand({ ...params, Body, ContentLength: bytes }), { abortSignal: signal });
  buffers.giveBack(buffer);
  onProgress(bytes);
}

async function putInParts(client: S3Client, file: FileHandle, options: S3UploadOptions): Promise<void> {
  const { params, signal } = options;
  const { Bucket, Key, IfNoneMatch, ...forAll } = params;
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key, ...forAll }), {
    abortSignal: signal,
  });
  try {
    const Parts = await sendParts(client, file, UploadId, options);
    // Ceph (16.2) obeys If-None-Match for whole objects and not here, and hours may have passed since anybody looked.
    if (IfNoneMatch !== undefined && (await options.isOccupied())) throw new OccupiedError(`${Key} was put meanwhile`);
    const input = { Bucket, Key, UploadId, MultipartUpload: { Parts }, IfNoneMatch };
    await client.send(new CompleteMultipartUploadCommand(input), { abortSignal: signal });
  } catch (error) {
    // Where the store is away, whoever tries next finds it among the open uploads.
    await client
      .send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }), {
        abortSignal: AbortSignal.timeout(ABORT_LIMIT_MS),
      })
      .catch(() => undefined);
    throw error;
  }
}

/** Several at a time; once one has failed the others end too, and what failed first is thrown. */
async function sendParts(
  client: S3Client,
  file: FileHandle,
  uploadId: string | undefined,
  { params, bytes, parts, buffers, onProgress, signal }: S3UploadOptions,
): Promise<CompletedPart[]> {
  const done: CompletedPart[] = [];
  const failed = new AbortController();
  const ended = AbortSignal.any([signal, failed.signal]);
  let next = 0;
  let sentBytes = 0;
  const sendSome = async (): Promise<void> => {
    const buffer = buffers.take(parts.partBytes);
    while (next < parts.count) {
      ended.throwIfAborted();
      const index = next++;
      const start = index * parts.partBytes;
      const Body = await readPart(file, buffer, start, Math.min(parts.partBytes, bytes - start));
      const command = new UploadPartCommand({
        Bucket: params.Bucket,
        Key: params.Key,
        UploadId: uploadId,
        PartNumber: index + 1,
        Body,
        ...(params.ChecksumAlgorithm === undefined ? {} : { ChecksumAlgorithm: params.ChecksumAlgorithm }),
      });
      sendAtOnce(command);
      const { ETag, ChecksumCRC32, ChecksumSHA256 } = await client.send(command, { abortSignal: ended });
      done[index] = { PartNumber: index + 1, ETag, ChecksumCRC32, ChecksumSHA256 };
      sentBytes += Body.length;
      onProgress(sentBytes);
    }
    buffers.giveBack(buffer);
  };
  const senders = Array.from({ length: Math.min(parts.concurrency, parts.count) }, async () => {
    try {
      await sendSome();
    } catch (error) {
      // The first reason that a signal is aborted with stays.
      failed.abort(error);
    }
  });
  await Promise.all(senders);
  ended.throwIfAborted();
  return done;
}

/** @throws RetryableError if the file ends before the part does */
async function readPart(file: FileHandle, buffer: Buffer, start: number, length: number): Promise<Buffer> {
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, start + filled);
    if (bytesRead === 0) throw new RetryableError(`the file ends after ${start + filled} bytes while it is uploaded`);
    filled += bytesRead;
  }
  return buffer.subarray(0, length);
}

/**
 * The SDK asks before every large body whether it is welcome (`Expect: 100-continue`), each time over a new connection.
 * Who was let begin an upload in parts is welcome.
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
