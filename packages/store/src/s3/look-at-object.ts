import type { Readable } from 'node:stream';
import {
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { S3Config } from '@pgstow/shared/config/subjects/s3.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { HiddenError } from '../hidden-error.ts';
import type { StoredObject } from '../store.ts';
import { readS3Error } from './read-s3-error.ts';
import { checksumAlgorithm } from './s3-client.ts';
import { translateS3Error, tryS3, type S3ErrorContext } from './translate-s3-error.ts';

/** The answer is the same where nothing lies, if the second right is missing. */
export const RIGHT_TO_READ = 's3:GetObject (and s3:ListBucket, to be told what is not there)';

/** Looks under a key: see `Store.look`. */
export function lookAtObject(
  client: S3Client,
  config: S3Config,
  key: string,
  signal: AbortSignal,
): Promise<StoredObject | undefined> {
  const { bucket: Bucket } = config.destination;
  const context = { config, action: `look at s3://${Bucket}/${key}` };
  // A store keeps no checksum unless one is sent; some refuse even the question.
  const checksum = checksumAlgorithm(config) === undefined ? {} : ({ ChecksumMode: 'ENABLED' } as const);
  return tryS3(context, signal, async () => {
    try {
      const command = new HeadObjectCommand({ Bucket, Key: key, ...checksum });
      return toStoredObject(await client.send(command, { abortSignal: signal }));
    } catch (error) {
      const { status } = readS3Error(error);
      if (status === 404) await assertBucket(client, Bucket, signal);
      else if (status === undefined || status >= 500 || status === 408 || status === 429) throw error;
      else await explainRefusal(client, key, context, signal);
      return undefined;
    }
  });
}

/** Tells a missing bucket from a missing object. The answer to HEAD has no body that would. */
async function assertBucket(client: S3Client, bucket: string, signal: AbortSignal): Promise<void> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal: signal });
  } catch (error) {
    // The bucket's own HEAD is refused where the right to list is missing, which says that it is there.
    if (readS3Error(error).status !== 404) return;
    throw Object.assign(new Error('the bucket does not exist', { cause: error }), {
      name: 'NoSuchBucket',
      $metadata: { httpStatusCode: 404 },
    });
  }
}

/**
 * Asks for the first byte, whose refusal has a body and so a reason. Every key that may look may do that. Returns if nothing
 * lies there.
 */
async function explainRefusal(
  client: S3Client,
  key: string,
  context: S3ErrorContext,
  signal: AbortSignal,
): Promise<void> {
  const input = { Bucket: context.config.destination.bucket, Key: key, Range: 'bytes=0-0' };
  try {
    const { Body } = await client.send(new GetObjectCommand(input), { abortSignal: signal });
    (Body as Readable).destroy();
  } catch (error) {
    const { code } = readS3Error(error);
    if (code === 'NoSuchKey') return;
    if (code !== 'AccessDenied') throw error;
    const { message, hint } = translateS3Error(error, { ...context, right: RIGHT_TO_READ });
    throw new HiddenError(message, { hint, cause: error });
  }
  throw new RetryableError(`${context.action}: HEAD is refused and GET is not`, {
    hint: 'Is there a proxy before the store that does not let HEAD pass?',
  });
}

function toStoredObject(head: HeadObjectCommandOutput): StoredObject {
  if (head.ContentLength === undefined) {
    throw new PermanentError('the answer to HEAD names no size', {
      hint: 'Check S3_ENDPOINT: what answers there is no S3 server.',
    });
  }
  const isOtherKey =
    head.ServerSideEncryption?.startsWith('aws:kms') === true || head.SSECustomerAlgorithm !== undefined;
  return {
    bytes: head.ContentLength,
    etag: head.ETag?.replaceAll('"', ''),
    isEtagDigest: !isOtherKey,
    checksums: { crc32: head.ChecksumCRC32, sha256: head.ChecksumSHA256 },
    metadata: head.Metadata ?? {},
    // A bucket whose versioning is off says `null`.
    versionId: head.VersionId === 'null' ? undefined : head.VersionId,
  };
}
