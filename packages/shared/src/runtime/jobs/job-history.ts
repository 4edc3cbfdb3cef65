import { z } from 'zod';
import type { QueueName } from '../../contract/jobs.ts';
import { parseJson } from '../../contract/parse-json.ts';
import type { RedisConnection } from '../redis/redis.ts';

/** Attempts and failures that a site's workers count in Redis, so that a restart does not begin at zero. */
export type JobHistory = {
  readonly attempts: readonly { readonly stage: string; readonly database: string; readonly at: Date }[];
  readonly failures: readonly (FailureKind & { readonly count: number })[];
};

export type FailureKind = { readonly stage: string; readonly database: string; readonly reason: string };

const attemptsKey = (scope: string): string => `pgstow:${scope}:attempts`;
const failuresKey = (scope: string): string => `pgstow:${scope}:failures`;

/** Notes when the last attempt of a stage began. Call it at the start of each. */
export async function noteAttempt(
  redis: RedisConnection,
  scope: string,
  stage: QueueName,
  database: string,
): Promise<void> {
  await redis.hset(attemptsKey(scope), JSON.stringify([stage, database]), Date.now());
}

/** Counts an attempt that failed. */
export async function countFailure(
  redis: RedisConnection,
  scope: string,
  { stage, database, reason }: FailureKind,
): Promise<void> {
  await redis.hincrby(failuresKey(scope), JSON.stringify([stage, database, reason]), 1);
}

/** Reads both. Entries of another version are passed over. */
export async function readJobHistory(redis: RedisConnection, scope: string): Promise<JobHistory> {
  const [attempts, failures] = await Promise.all([
    redis.hgetall(attemptsKey(scope)),
    redis.hgetall(failuresKey(scope)),
  ]);
  return {
    attempts: Object.entries(attempts).flatMap(([field, value]) => {
      const { data } = attemptSchema.safeParse([...wordsOf(field), Number(value)]);
      return data === undefined ? [] : [{ stage: data[0], database: data[1], at: new Date(data[2]) }];
    }),
    failures: Object.entries(failures).flatMap(([field, value]) => {
      const { data } = failureSchema.safeParse([...wordsOf(field), Number(value)]);
      return data === undefined ? [] : [{ stage: data[0], database: data[1], reason: data[2], count: data[3] }];
    }),
  };
}

const attemptSchema = z.tuple([z.string(), z.string(), z.int().nonnegative()]);
const failureSchema = z.tuple([z.string(), z.string(), z.string(), z.int().nonnegative()]);

function wordsOf(field: string): readonly string[] {
  return parseJson(z.array(z.string()), field) ?? [];
}
