import { S3Client } from '@aws-sdk/client-s3';
import type { S3Config } from '@pgstow/shared/config/subjects/s3.ts';
import { NodeHttpHandler } from '@smithy/node-http-handler';

const CONNECT_MS = 10_000;
const REQUEST_MS = 60 * 60 * 1000;

/** A client of the AWS SDK for a destination. */
export function createS3Client(config: S3Config): S3Client {
  return new S3Client({
    region: config.region,
    ...(config.destination.endpoint === undefined ? {} : { endpoint: config.destination.endpoint }),
    forcePathStyle: config.forcePathStyle,
    ...(config.credentials === undefined ? {} : { credentials: config.credentials }),
    // Quick attempts of the SDK's own; the queue has the patience.
    maxAttempts: 3,
    // Requests name their checksums themselves: one that the SDK adds could not be left out for a store.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    // A dump that is read back is compared by its sha256, which is worth more than the store's checksum.
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: new NodeHttpHandler({
      connectionTimeout: Math.min(CONNECT_MS, config.timeoutMs),
      // Silence in both directions. A slow line that still moves is not silent.
      socketTimeout: config.timeoutMs,
      requestTimeout: REQUEST_MS,
      throwOnRequestTimeout: true,
    }),
  });
}

/** The checksum that the store is asked to keep. Some stores other than AWS refuse any. */
export function checksumAlgorithm({ checksum, destination }: S3Config): 'CRC32' | 'SHA256' | undefined {
  if (checksum === 'auto') return destination.endpoint === undefined ? 'CRC32' : undefined;
  return checksum === 'none' ? undefined : checksum === 'crc32' ? 'CRC32' : 'SHA256';
}
