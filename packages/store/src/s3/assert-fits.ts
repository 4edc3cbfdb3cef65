import type { S3Destination } from '@pgstow/shared/contract/destination.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { DUMP_LESS } from './translate-s3-error.ts';

const GIB = 1024 ** 3;
const TIB = 1024 * GIB;
/** 10,000 parts of 5 GiB: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const AWS_BYTES = 10_000 * 5 * GIB;
/** What most other stores have taken over from AWS's earlier limit, Ceph and Wasabi among them. */
const OTHER_BYTES = 5 * TIB;

/** @throws PermanentError if a file is too large to become an object: better now than after its last part */
export function assertFits(bytes: number, { endpoint }: S3Destination, url: string): void {
  const most = endpoint === undefined ? AWS_BYTES : OTHER_BYTES;
  if (bytes <= most) return;
  const inTib = (size: number) => `${(Math.floor((size / TIB) * 10) / 10).toFixed(1)} TiB`;
  throw new PermanentError(
    `put ${url}: it has ${inTib(bytes)}, and an object at ${endpoint ?? 'AWS'} is taken to have ${inTib(most)} at most`,
    { hint: DUMP_LESS },
  );
}
