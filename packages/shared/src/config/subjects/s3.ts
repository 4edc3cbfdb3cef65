import { z } from 'zod';
import type { S3Destination } from '../../contract/destination.ts';
import type { ReportFault, Values } from '../subject.ts';
import { buildKeep, keepVariables, type Keep } from '../values/keep-variables.ts';
import { wholeNumber } from '../values/whole-number.ts';

/** An S3 bucket as a destination. */
export type S3Config = {
  readonly destination: S3Destination;
  readonly region: string;
  readonly forcePathStyle: boolean;
  readonly storageClass: string | undefined;
  readonly sse: 'AES256' | 'aws:kms' | undefined;
  readonly checksum: 'auto' | 'crc32' | 'sha256' | 'none';
  readonly confirm: 'auto' | 'read';
  readonly timeoutMs: number;
  /** What stays there; `undefined`: all of it, and nothing is ever deleted. */
  readonly keep: Keep | undefined;
  /** `undefined`: the AWS SDK's own chain of profiles and roles. */
  readonly credentials:
    | { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string }
    | undefined;
};

const flag = z.enum(['true', 'false', '1', '0', 'yes', 'no']).transform((text) => ['true', '1', 'yes'].includes(text));

const endpoint = z.url({ protocol: /^https?$/, error: 'expected a URL such as https://s3.example.com' }).optional();

/**
 * The variables that say where a bucket is. Among them is what the AWS SDK would read by itself, so that a receipt says where a
 * backup really lies.
 */
export const s3PlaceVariables = {
  S3_BUCKET: {
    schema: z.string().optional(),
    description: 'Bucket that dumps are copied to. Without one, backups stay in the folder alone.',
  },
  S3_PREFIX: {
    schema: z.string().default(''),
    description: 'Put before every key, for instance `financer/`. A `/` is added at its end if it has none.',
    defaultText: 'none',
  },
  S3_ENDPOINT: {
    schema: endpoint,
    description: 'URL of a store other than AWS.',
    defaultText: '`AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`, else AWS',
  },
  AWS_ENDPOINT_URL_S3: { schema: endpoint, description: 'The same, if `S3_ENDPOINT` is not given.' },
  AWS_ENDPOINT_URL: { schema: endpoint, description: 'The same, if neither of the two is given.' },
} as const;

export const s3Variables = {
  ...s3PlaceVariables,
  S3_REGION: {
    schema: z.string().optional(),
    description: 'Region of the bucket.',
    defaultText: '`AWS_REGION`, else `AWS_DEFAULT_REGION`, else `us-east-1`',
  },
  AWS_REGION: { schema: z.string().optional(), description: 'Region, if `S3_REGION` is not given.' },
  AWS_DEFAULT_REGION: { schema: z.string().optional(), description: 'Region, if neither of the two is given.' },
  S3_FORCE_PATH_STYLE: {
    schema: flag.optional(),
    description: 'Whether the bucket is named in the path and not in the host name.',
    defaultText: '`true` with an endpoint, else `false`',
  },
  S3_STORAGE_CLASS: {
    schema: z
      .string()
      .regex(/^[A-Z0-9_]+$/, 'expected a storage class such as STANDARD_IA')
      .optional(),
    description:
      'Storage class of dumps, for instance `STANDARD_IA`. `GLACIER` and `DEEP_ARCHIVE` are archives: a dump there cannot be tested, and cannot be restored before the store has brought it back.',
  },
  S3_SSE: {
    schema: z.enum(['AES256', 'aws:kms']).optional(),
    description: 'Encryption at the store: `AES256` or `aws:kms`.',
  },
  S3_CHECKSUM: {
    schema: z.enum(['auto', 'crc32', 'sha256', 'none']).default('auto'),
    description:
      'Checksum that is sent along for the store to keep: `auto` is `crc32` for AWS and `none` for other endpoints, some of which refuse it.',
  },
  S3_CONFIRM: {
    schema: z.enum(['auto', 'read']).default('auto'),
    description:
      "How an upload is confirmed, beside its size: `auto` compares the store's checksum or ETag and, where it keeps neither, warns; `read` reads the whole object back.",
  },
  S3_TIMEOUT: {
    schema: wholeNumber('a number of seconds', 1, 3600).default(60),
    description: 'Seconds that a connection to the store may stay silent.',
  },
  ...keepVariables('S3'),
  AWS_ACCESS_KEY_ID: {
    schema: z.string().optional(),
    secret: true,
    description: 'Access key. Without one, the profiles and roles that the AWS SDK finds by itself are used.',
  },
  AWS_SECRET_ACCESS_KEY: { schema: z.string().optional(), secret: true, description: 'Secret of the access key.' },
  AWS_SESSION_TOKEN: {
    schema: z.string().optional(),
    secret: true,
    description: 'Session token of a temporary access key.',
  },
} as const;

/** Builds the configuration of a bucket; `undefined` if none is named. */
export function buildS3(name: string, values: Values<typeof s3Variables>, report: ReportFault): S3Config | undefined {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = values;
  if (accessKeyId !== undefined && secretAccessKey === undefined)
    report('AWS_SECRET_ACCESS_KEY', 'is required with AWS_ACCESS_KEY_ID');
  if (accessKeyId === undefined && secretAccessKey !== undefined)
    report('AWS_ACCESS_KEY_ID', 'is required with AWS_SECRET_ACCESS_KEY');
  for (const key of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const) {
    if (values[key] !== undefined && /\s/.test(values[key])) report(key, 'holds white space, which no access key does');
  }
  if (isArchiveClass(values.S3_STORAGE_CLASS) && values.S3_CONFIRM === 'read')
    report(
      'S3_CONFIRM',
      `expected auto with S3_STORAGE_CLASS=${values.S3_STORAGE_CLASS}, from which nothing is read back`,
    );
  const destination = buildS3Place(name, values, report);
  if (destination === undefined) return undefined;
  return {
    destination,
    region: values.S3_REGION ?? values.AWS_REGION ?? values.AWS_DEFAULT_REGION ?? 'us-east-1',
    forcePathStyle: values.S3_FORCE_PATH_STYLE ?? destination.endpoint !== undefined,
    storageClass: values.S3_STORAGE_CLASS,
    sse: values.S3_SSE,
    checksum: values.S3_CHECKSUM,
    confirm: values.S3_CONFIRM,
    timeoutMs: values.S3_TIMEOUT * 1000,
    keep: buildKeep('S3', values),
    credentials:
      accessKeyId === undefined || secretAccessKey === undefined
        ? undefined
        : { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
  };
}

/**
 * Storage classes whose objects must be brought back, within minutes to days, before they can be read. GLACIER_IR is none.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/archived-objects.html
 */
const ARCHIVES: readonly string[] = ['GLACIER', 'DEEP_ARCHIVE'];

/** Whether what is put into a storage class can be read back only later. */
export function isArchiveClass(storageClass: string | undefined): boolean {
  return storageClass !== undefined && ARCHIVES.includes(storageClass);
}

/** Builds the place alone, for processes without an access key. */
export function buildS3Place(
  name: string,
  values: Values<typeof s3PlaceVariables>,
  report: ReportFault,
): S3Destination | undefined {
  if (values.S3_BUCKET === undefined) return undefined;
  const variable = (['S3_ENDPOINT', 'AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'] as const).find(
    (each) => values[each] !== undefined,
  );
  const url = variable === undefined ? undefined : values[variable];
  // Receipts and the board show the endpoint.
  if (variable !== undefined && url !== undefined && new URL(url).username !== '')
    report(variable, 'holds a user name; give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead');
  if (/[\s/:]/.test(values.S3_BUCKET))
    report('S3_BUCKET', `expected the bucket's name alone, got ${JSON.stringify(values.S3_BUCKET)}`);
  const prefix = values.S3_PREFIX.replace(/^\/+/, '');
  return {
    name,
    endpoint: url?.replace(/\/+$/, ''),
    bucket: values.S3_BUCKET,
    prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`,
  };
}
