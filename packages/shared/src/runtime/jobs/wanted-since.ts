import type { RedisConnection } from '../redis/redis.ts';

/** Since when each database waits for its first backup and its first verdict. */
export type WantedSince = ReadonlyMap<string, { readonly [F in First]?: Date }>;

const firsts = ['backup', 'verdict'] as const;
export type First = (typeof firsts)[number];

const wantedSinceKey = (scope: string): string => `pgstow:${scope}:wanted-since`;

/** Reads them. Entries of another version are passed over. */
export async function readWantedSince(redis: RedisConnection, scope: string): Promise<WantedSince> {
  const since = new Map<string, { [F in First]?: Date }>();
  for (const [field, value] of Object.entries(await redis.hgetall(wantedSinceKey(scope)))) {
    const [first, database] = [
      firsts.find((each) => field.startsWith(`${each}:`)),
      field.slice(field.indexOf(':') + 1),
    ];
    const ms = Number(value);
    if (first === undefined || !Number.isSafeInteger(ms) || ms <= 0) continue;
    since.set(database, { ...since.get(database), [first]: new Date(ms) });
  }
  return since;
}

/**
 * Notes each wait that begins, and forgets those that are over. What was noted before stays, so that no restart and no later
 * attempt makes a wait begin anew.
 *
 * @param wanted by database, all of them
 */
export async function keepWantedSince(
  redis: RedisConnection,
  scope: string,
  wanted: ReadonlyMap<string, readonly First[]>,
  now: Date,
): Promise<void> {
  const key = wantedSinceKey(scope);
  const fields = new Set([...wanted].flatMap(([database, each]) => each.map((first) => `${first}:${database}`)));
  const known = new Map(Object.entries(await redis.hgetall(key)));
  const over = [...known.keys()].filter((field) => !fields.has(field));
  if (over.length > 0) await redis.hdel(key, ...over);
  for (const field of fields) {
    // A time from a clock that was ahead is replaced.
    if (Number(known.get(field)) <= now.getTime()) continue;
    await redis.hset(key, field, now.getTime());
  }
}
