import type { StorageClass } from '@aws-sdk/client-s3';
import type { S3Config } from '@pgstow/shared/config/subjects/s3.ts';
import type { PutOptions } from '../store.ts';
import { checksumAlgorithm } from './s3-client.ts';

/** The parameters of a put, by the configuration. */
export function s3PutParams(
  config: S3Config,
  key: string,
  { mode, contentType, metadata }: Omit<PutOptions, 'signal'>,
) {
  const { destination, storageClass, sse } = config;
  return {
    Bucket: destination.bucket,
    Key: key,
    ContentType: contentType,
    Metadata: { ...metadata },
    IfNoneMatch: mode === 'create' ? '*' : undefined,
    StorageClass: storageClass as StorageClass | undefined,
    ServerSideEncryption: sse,
    ChecksumAlgorithm: checksumAlgorithm(config),
  };
}
