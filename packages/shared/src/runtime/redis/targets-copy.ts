import type { RedisConnection } from './redis.ts';

const targetsKey = (site: string): string => `pgstow:${site}:targets`;

/** Keeps the last text of TARGETS_FILE that had no fault, for processes that start while the file has one. */
export async function keepTargets(redis: RedisConnection, site: string, text: string): Promise<void> {
  await redis.set(targetsKey(site), text);
}

/** @returns `undefined` if none is kept */
export async function readKeptTargets(redis: RedisConnection, site: string): Promise<string | undefined> {
  return (await redis.get(targetsKey(site))) ?? undefined;
}
