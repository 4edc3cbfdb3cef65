import type { BackupName } from '../contract/backup-name.ts';
import { scopeOf } from '../contract/scope.ts';
import type { RedisConnection } from '../runtime/redis/redis.ts';
import { currentTracing } from './tracing.ts';

/** A job that is enqueued later begins a new trace. */
const KEPT_SECONDS = 7 * 24 * 3600;

const traceKey = (scope: string, name: BackupName): string => `pgstow:${scope}:trace:${name}`;

/** Notes a backup's trace in Redis. It delays and fails nothing. */
export function rememberTrace(redis: RedisConnection, scope: string, name: BackupName): void {
  const carried = currentTracing()?.carry();
  if (carried === undefined) return;
  redis.set(traceKey(scope, name), carried, 'EX', KEPT_SECONDS).catch(() => undefined);
}

/** Runs `work`, which enqueues a backup's next job, in the backup's trace, also if reconciliation and not a job does so. */
export async function inTraceOf<T>(
  {
    redis,
    site,
    server,
  }: { readonly redis: RedisConnection; readonly site: string; readonly server?: string | undefined },
  name: BackupName,
  work: () => Promise<T>,
): Promise<T> {
  const traces = currentTracing();
  if (traces === undefined || traces.carry() !== undefined) return work();
  const carried = await redis.get(traceKey(scopeOf(site, server), name)).catch(() => null);
  return carried === null ? work() : traces.resume(carried, work);
}
