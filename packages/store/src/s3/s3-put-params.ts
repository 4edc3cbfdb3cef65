import type { S3Config } from '@pgstow/shared/config/s3.ts';
import type { PutOptions } from '../store.ts';
import { checksumAlgorithm } from './s3-client.ts';

/** What the configuration says of every object that is put. */
export function s3PutParams(
  config: S3Config,
  key: string,
  { mode, contentType, metadata }: Omit<PutOptions, 'signal'>,
) {
  const { place, storageClass, sse } = config;
  const algorithm = checksumAlgorithm(config);
  return {
    Bucket: place.bucket,
    Key: key,
    ContentType: contentType,
    Metadata: { ...metadata },
    ...(mode === 'create' ? { IfNoneMatch: '*' } : {}),
    ...(storageClass === undefined ? {} : { StorageClass: storageClass as never }),
    ...(sse === undefined ? {} : { ServerSideEncryption: sse }),
    ...(algorithm === undefined ? {} : { ChecksumAlgorithm: algorithm }),
  };
}
