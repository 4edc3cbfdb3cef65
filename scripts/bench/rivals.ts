import { hasCommand } from '@pgstow/testing/machine/capabilities.ts';
import { BUCKET, type Bench } from './start-bench.ts';

/** Programs that others back up with; those that are not installed are left out of the comparison. */
export const hasIgzip = hasCommand('igzip');
export const hasZstd = hasCommand('zstd');

/** A program that copies to a store. */
export type Uploader = {
  readonly name: 'rclone' | 'aws';
  /** Words of a shell that send standard input to an object. */
  send(object: string): string;
  /** Words of a shell that send a file. */
  sendFile(path: string, object: string): string;
  readonly env: Readonly<Record<string, string>>;
};

/** Uploaders that are installed, the fastest first, with their settings for the bench's store. */
export function uploaders({ s3 }: Bench): readonly Uploader[] {
  const rclone: Uploader = {
    name: 'rclone',
    send: (object) => `rclone rcat bench:${BUCKET}/${object}`,
    sendFile: (path, object) => `rclone copyto "${path}" bench:${BUCKET}/${object}`,
    env: {
      RCLONE_CONFIG: '/nonexistent',
      RCLONE_CONFIG_BENCH_TYPE: 's3',
      RCLONE_CONFIG_BENCH_PROVIDER: 'Other',
      RCLONE_CONFIG_BENCH_ENDPOINT: s3.endpoint,
      RCLONE_CONFIG_BENCH_REGION: s3.region,
      RCLONE_CONFIG_BENCH_ACCESS_KEY_ID: s3.accessKeyId,
      RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY: s3.secretAccessKey,
    },
  };
  const aws: Uploader = {
    name: 'aws',
    send: (object) => `aws --endpoint-url ${s3.endpoint} s3 cp --only-show-errors - s3://${BUCKET}/${object}`,
    sendFile: (path, object) =>
      `aws --endpoint-url ${s3.endpoint} s3 cp --only-show-errors "${path}" s3://${BUCKET}/${object}`,
    env: {
      AWS_ACCESS_KEY_ID: s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
      AWS_DEFAULT_REGION: s3.region,
    },
  };
  // The S3 server of the tests does not take rclone's list of parts.
  return [...(s3.isOther ? [rclone] : []), aws].filter(({ name }) => hasCommand(name));
}
