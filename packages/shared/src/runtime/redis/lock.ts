import { randomUUID } from 'node:crypto';
import { BusyError, RetryableError } from '../errors.ts';
import type { RedisConnection } from './redis.ts';

export const LOCK_TTL_MS = 15_000;
const RENEW_EVERY_MS = LOCK_TTL_MS / 5;

/**
 * Runs `work` as the only one that holds `key` in this Redis. The lock is renewed while `work` runs; once it may have
 * been lost, the signal that `work` got is aborted. A holder that was killed blocks others for `LOCK_TTL_MS` at most.
 *
 * @throws BusyError if another holds it
 */
export async function withLock<T>(
  redis: RedisConnection,
  key: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const token = randomUUID();
  // The clock of our own lease starts before Redis starts its own.
  let heldUntil = Date.now() + LOCK_TTL_MS;
  if ((await redis.set(key, token, 'PX', LOCK_TTL_MS, 'NX')) !== 'OK') {
    const remainingMs = await redis.pttl(key);
    throw new BusyError(`another worker holds ${key}`, Math.max(1000, Math.min(remainingMs, 5000)));
  }

  const lost = new AbortController();
  const giveUp = (): void =>
    lost.abort(
      new RetryableError(`the lock ${key} was lost`, {
        hint: 'Redis was away or this host stood still for too long; the job runs again.',
      }),
    );
  const renewal = setInterval(() => {
    // Redis could have given the lock to another by the next time.
    if (Date.now() + RENEW_EVERY_MS >= heldUntil) return giveUp();
    const until = Date.now() + LOCK_TTL_MS;
    redis.eval(RENEW, 1, key, token, LOCK_TTL_MS).then(
      (renewed) => (renewed === 1 ? (heldUntil = until) : giveUp()),
      // Redis is away: the next tick tries again, and the lease runs out by itself.
      () => undefined,
    );
  }, RENEW_EVERY_MS);
  try {
    return await work(AbortSignal.any([signal, lost.signal]));
  } finally {
    clearInterval(renewal);
    // The lock runs out by itself if Redis is away.
    if (redis.status === 'ready') await redis.eval(RELEASE, 1, key, token).catch(() => undefined);
  }
}

/** The lock for writing dumps of a target at a site. */
export function dumpLockKey(scope: string, target: string): string {
  return `pgstow:${scope}:lock:dump:${target}`;
}

/** The lock for uploading a dump of a site to a destination. */
export function uploadLockKey(scope: string, name: string, destination: string): string {
  return `pgstow:${scope}:lock:upload:${destination}:${name}`;
}

/** The lock for testing a dump of a site as it lies at a destination. */
export function verifyLockKey(scope: string, name: string, destination: string): string {
  return `pgstow:${scope}:lock:verify:${destination}:${name}`;
}

/** The lock of a scratch folder, at any site. */
export function scratchLockKey(folderName: string): string {
  return `pgstow:lock:scratch:${folderName}`;
}

const RENEW = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) else return 0 end`;
const RELEASE = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end`;
