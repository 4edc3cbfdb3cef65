import { readS3Error } from './read-s3-error.ts';

/** Codes that concern every operation, and not the one that was refused. */
const CONCERNS_ALL: readonly string[] = [
  'NoSuchBucket',
  'InvalidBucketName',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'InvalidToken',
  'RequestTimeTooSkewed',
  'PermanentRedirect',
  'AuthorizationHeaderMalformed',
];

const CONCERNS_CONTENT: readonly string[] = [
  'RequestTimeout',
  'BadDigest',
  'InvalidDigest',
  'IncompleteBody',
  'XAmzContentSHA256Mismatch',
  'XAmzContentChecksumMismatch',
  'EntityTooLarge',
  'EntityTooSmall',
  'InvalidPart',
  'InvalidPartOrder',
  'KeyTooLongError',
  'MetadataTooLarge',
];

/** Whether the store refused this operation alone, where it may allow others. */
export function isRefusedAlone(error: unknown): boolean {
  const { code, status } = readS3Error(error);
  return status !== undefined && (code === undefined || !CONCERNS_ALL.includes(code));
}

/** Whether this access key may not do the operation, or the store does not know it, where others may work. */
export function isForbidden(error: unknown): boolean {
  return isRefusedAlone(error) && [401, 403, 405, 501].includes(readS3Error(error).status ?? 0);
}

/**
 * Whether a store may have refused a request for something in it that it does not know. With status 400, stores send the codes
 * InvalidArgument, InvalidRequest, InvalidStorageClass and some of their own; the answer to HEAD has no code.
 */
export function isUnknownToStore(error: unknown): boolean {
  const { code, status } = readS3Error(error);
  return (
    status === 501 || (status === 400 && (code === undefined || ![...CONCERNS_ALL, ...CONCERNS_CONTENT].includes(code)))
  );
}
