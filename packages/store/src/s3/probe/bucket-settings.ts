import {
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  type LifecycleRule,
  type S3Client,
} from '@aws-sdk/client-s3';
import { isArchiveClass } from '@pgstow/shared/config/subjects/s3.ts';
import type { S3Config } from '@pgstow/shared/config/subjects/s3.ts';
import type { S3Destination } from '@pgstow/shared/contract/destination.ts';
import { readS3Error } from '../read-s3-error.ts';
import { isForbidden } from '../s3-refusal.ts';
import type { Found } from './probe-finding.ts';

/** Days after which a dump's restore test is over, even a late one. */
const TESTED_AFTER_DAYS = 7;

/** Reads whether the bucket keeps objects that are overwritten or deleted. Skipped where that may not be read. */
export function readVersioning(
  client: S3Client,
  { destination: { bucket }, keep }: Pick<S3Config, 'destination' | 'keep'>,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  return orSkipped('versioning', signal, async () => {
    const { Status } = await client.send(new GetBucketVersioningCommand({ Bucket: bucket }), { abortSignal: signal });
    if (Status === 'Enabled' && keep !== undefined) {
      return [
        {
          status: 'warning',
          message:
            'the bucket keeps versions: what S3_KEEP_* releases is only hidden below a delete marker, and goes on taking room',
          hint: 'Add a lifecycle rule NoncurrentVersionExpiration to the bucket, if old versions are to go.',
        },
      ];
    }
    if (Status === 'Enabled') return [{ status: 'ok', message: 'the bucket keeps versions' }];
    return [
      {
        status: 'warning',
        message: 'the bucket keeps no versions: with this access key, backups can be overwritten for good',
        hint: 'Turn on versioning of the bucket (or object lock).',
      },
    ];
  });
}

/**
 * Reads whether the bucket drops the parts of uploads that are never completed, and when it moves dumps into an archive. Skipped
 * where that may not be read.
 */
export function readLifecycle(
  client: S3Client,
  { bucket, prefix }: S3Destination,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  return orSkipped('lifecycle rules', signal, async () => {
    const enabled = (await readRules(client, bucket, signal)).filter(({ Status }) => Status === 'Enabled');
    return [judgeOpenUploads(enabled, prefix), ...judgeArchiving(enabled, prefix)];
  });
}

function judgeOpenUploads(rules: readonly LifecycleRule[], prefix: string): Found {
  const days = rules
    .filter((rule) => isForAllUnder(rule, prefix))
    .map(({ AbortIncompleteMultipartUpload }) => AbortIncompleteMultipartUpload?.DaysAfterInitiation)
    .find((number) => number !== undefined);
  if (days !== undefined) {
    const message = `the bucket drops uploads in parts that were left open for ${days} day${days === 1 ? '' : 's'}`;
    return { status: 'ok', message };
  }
  return {
    status: 'warning',
    message: 'the bucket has no rule that drops uploads in parts that were left open; their parts are billed',
    hint: 'Add a lifecycle rule AbortIncompleteMultipartUpload to the bucket, of 7 days for instance.',
  };
}

/** Judges whether restore tests have read a dump before it is archived. */
function judgeArchiving(rules: readonly LifecycleRule[], prefix: string): readonly Found[] {
  const days = rules
    .filter((rule) => prefixOf(rule).startsWith(prefix) || isForAllUnder(rule, prefix))
    .flatMap(({ Transitions = [] }) => Transitions)
    .filter(({ StorageClass }) => isArchiveClass(StorageClass))
    // A rule with a date archives every older dump on that day, and each later one at once.
    .map(({ Days }) => Days ?? 0);
  if (days.length === 0) return [];
  const soonest = Math.min(...days);
  const message = `the bucket moves objects into an archive after ${soonest} day${soonest === 1 ? '' : 's'}: from then on a dump has to be restored there before it can be restored or tested`;
  if (soonest >= TESTED_AFTER_DAYS) return [{ status: 'ok', message }];
  const hint = `Have the lifecycle rule move dumps after ${TESTED_AFTER_DAYS} days or more, so that restore tests have read them.`;
  return [{ status: 'warning', message, hint }];
}

async function readRules(client: S3Client, bucket: string, signal: AbortSignal): Promise<readonly LifecycleRule[]> {
  try {
    const command = new GetBucketLifecycleConfigurationCommand({ Bucket: bucket });
    return (await client.send(command, { abortSignal: signal })).Rules ?? [];
  } catch (error) {
    if (readS3Error(error).code === 'NoSuchLifecycleConfiguration') return [];
    throw error;
  }
}

function isForAllUnder(rule: LifecycleRule, prefix: string): boolean {
  return prefix.startsWith(prefixOf(rule));
}

function prefixOf(rule: LifecycleRule): string {
  // Rules of the oldest form have their prefix outside of a filter.
  return rule.Filter?.Prefix ?? rule.Filter?.And?.Prefix ?? (rule as { Prefix?: string }).Prefix ?? '';
}

/** Skips a finding that cannot be had: no upload needs it. */
async function orSkipped(
  what: string,
  signal: AbortSignal,
  work: () => Promise<readonly Found[]>,
): Promise<readonly Found[]> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    const { code, status, text } = readS3Error(error);
    const why = isForbidden(error)
      ? 'this access key may not read them, or the store has none'
      : `the store does not tell (${code ?? status ?? text})`;
    return [{ status: 'skipped', message: `the bucket's ${what} are not known: ${why}` }];
  }
}
