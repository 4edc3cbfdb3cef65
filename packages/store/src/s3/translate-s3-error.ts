import type { S3Config } from '@pgstow/shared/config/subjects/s3.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { ArchivedError } from '../archived-error.ts';
import { MissingError } from '../missing-error.ts';
import { readS3Error } from './read-s3-error.ts';

export type S3ErrorContext = {
  readonly config: Pick<S3Config, 'destination' | 'region' | 'credentials'>;
  /** The attempt, to begin the message with: `put s3://bucket/key`. */
  readonly action: string;
  /** The right that the access key needs for it, where that is not what every upload needs. */
  readonly right?: string | undefined;
  /** The number of parts of a put, where it has more than one. */
  readonly parts?: number | undefined;
};

/** Does some work of S3 with its errors translated. An abort throws the signal's reason. */
export async function tryS3<T>(context: S3ErrorContext, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  try {
    return await work();
  } catch (error) {
    throw signal.aborted ? signal.reason : translateS3Error(error, context);
  }
}

/** Translates an error of the AWS SDK into one of the kinds that `Store` names. */
export function translateS3Error(cause: unknown, context: S3ErrorContext): PermanentError | RetryableError {
  if (cause instanceof PermanentError || cause instanceof RetryableError) return cause;
  const { code, status, text } = readS3Error(cause);
  const message = `${context.action}: ${text}`;
  const hint = permanentHint(code, status, cause, context);
  if (code === 'InvalidObjectState') return new ArchivedError(message, { hint, cause });
  if (code === 'NoSuchKey') return new MissingError(message, { hint, cause });
  if (hint !== undefined) return new PermanentError(message, { hint, cause });
  return new RetryableError(message, { hint: isOfCredentials(code) ? MEND_CREDENTIALS : undefined, cause });
}

/** What helps where a dump is too large for a store. */
export const DUMP_LESS =
  'Dump less into one file (POSTGRES_EXTRA_OPTS=--exclude-table-data=PATTERN), or back up a database of this size with pgBackRest or WAL-G.';

const MEND_CREDENTIALS =
  'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this host a role or profile; if it has one, what hands out its keys did not.';

/** The SDK's chain of profiles and roles yields no keys: it has none, or the service that hands them out is away. */
function isOfCredentials(code: string | undefined): boolean {
  return code !== undefined && ['CredentialsProviderError', 'TokenProviderError', 'ProviderError'].includes(code);
}

/** Says what a person is to mend; `undefined` if time may mend it. */
function permanentHint(
  code: string | undefined,
  status: number | undefined,
  cause: unknown,
  { config, right, parts }: S3ErrorContext,
): string | undefined {
  const { region } = config;
  const { bucket, endpoint } = config.destination;
  const hasStaticKeys = config.credentials !== undefined;
  const service = endpoint ?? `AWS (${region})`;
  const mendEndpoint = `Check S3_ENDPOINT (${endpoint ?? 'not set: AWS'}).`;
  if (parts !== undefined && isPartNumberRefused(code, cause))
    return `${service} takes fewer parts of an object than the ${parts} of this dump. ${DUMP_LESS}`;
  switch (code ?? '') {
    case 'NoSuchBucket':
      return `Create the bucket ${bucket} at ${service}, or check S3_BUCKET, S3_REGION and S3_ENDPOINT.`;
    case 'InvalidBucketName':
      return `Check S3_BUCKET (${bucket}): buckets are named in lower-case letters, digits, - and .`;
    case 'InvalidAccessKeyId':
      return `Check AWS_ACCESS_KEY_ID: ${service} does not know it.`;
    case 'SignatureDoesNotMatch':
      return 'Check AWS_SECRET_ACCESS_KEY (and S3_REGION): it does not belong to AWS_ACCESS_KEY_ID.';
    case 'ExpiredToken':
    case 'InvalidToken':
    case 'TokenRefreshRequired':
      return hasStaticKeys ? 'Renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.' : undefined;
    case 'CredentialsProviderError':
      return hasStaticKeys ? 'Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.' : undefined;
    case 'RequestTimeTooSkewed':
      return 'Set the clock of this host.';
    case 'PermanentRedirect':
    case 'AuthorizationHeaderMalformed':
    case 'IllegalLocationConstraintException':
      return `Set S3_REGION (${region}) to the region of the bucket ${bucket}.`;
    case 'InvalidStorageClass':
      return `Check S3_STORAGE_CLASS: ${service} does not have it.`;
    case 'EntityTooLarge':
      return `${service} takes no object, or no part of one, this large. ${DUMP_LESS}`;
    case 'QuotaExceeded':
    case 'XMinioAdminBucketQuotaExceeded':
      return `A quota of the bucket ${bucket} or of this access key's owner is used up: have it raised, or make room there.`;
    case 'InvalidObjectState':
      return `It lies in an archive${ofClass(cause)}, by S3_STORAGE_CLASS or a lifecycle rule. Have it restored there, with "aws s3api restore-object" for instance, and try again once it is.`;
    case 'AccessDenied':
    case 'AllAccessDisabled':
      return `Allow this access key ${right ?? 's3:PutObject, s3:GetObject and s3:AbortMultipartUpload'} in the bucket ${bucket}.`;
    case 'ENOTFOUND':
      return `${mendEndpoint} Its host name is not known here.`;
    case 'ERR_INVALID_URL':
      return mendEndpoint;
    // The same request may get another answer.
    case 'ConditionalRequestConflict':
    case 'OperationAborted':
    case 'PreconditionFailed':
    case 'NoSuchUpload':
    case 'RequestTimeout':
    case 'BadDigest':
    case 'IncompleteBody':
    case 'XAmzContentSHA256Mismatch':
    case 'XAmzContentChecksumMismatch':
      return undefined;
    default:
  }
  if (code !== undefined && /^(?:EPROTO|ERR_SSL_|ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(code))
    return `${mendEndpoint} Does it speak TLS, and is its certificate valid for that host and known here (NODE_EXTRA_CA_CERTS)?`;
  if (code?.startsWith('HPE_') === true) return `${mendEndpoint} What answers there does not speak HTTP, or only TLS.`;
  if (status === undefined) return undefined;
  if (status === 501) return `${service} cannot do this; if it was to encrypt, unset S3_SSE.`;
  if (status >= 500) return undefined;
  if (status === 408 || status === 429 || status === 409 || status === 412) return undefined;
  if (status === 413)
    return `${service} takes no request this large. Is there a proxy before the store that limits it (nginx: client_max_body_size)?`;
  if (!isS3Answer(cause)) return `${mendEndpoint} What answers there is no S3 server, or only a proxy before one.`;
  if (status === 301 || status === 307) return `Set S3_REGION (${region}) to the region of the bucket ${bucket}.`;
  if (status === 401 || status === 403) return 'Check the access key and what it may do in the bucket.';
  return status >= 400 ? `${service} refuses the request; check S3_STORAGE_CLASS, S3_SSE and S3_CHECKSUM.` : undefined;
}

/** Ceph RGW (16.2) says InvalidRange, others InvalidArgument with a sentence. */
function isPartNumberRefused(code: string | undefined, cause: unknown): boolean {
  return code === 'InvalidRange' || (code === 'InvalidArgument' && /part number/i.test(readS3Error(cause).text));
}

function ofClass(cause: unknown): string {
  const { StorageClass } = cause as { readonly StorageClass?: unknown };
  return typeof StorageClass === 'string' ? ` (${StorageClass})` : '';
}

/** Whether an answer may be S3's: an XML error or, to HEAD, no body at all. */
function isS3Answer(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const isUnreadable = error instanceof SyntaxError || /deserialization error/i.test(error.message);
  return !isUnreadable;
}
