import type { BackupName } from '../contract/backup-name.ts';
import type { RedisConnection } from '../runtime/redis.ts';
import { tracing } from './tracing.ts';

/** Whatever is asked for after so long begins a trace of its own. */
const KEPT_SECONDS = 7 * 24 * 3600;

const traceKey = (site: string, name: BackupName): string => `pgstow:${site}:trace:${name}`;

/** Notes in Redis which trace a backup is part of. Nobody waits for it, and nothing fails with it. */
export function rememberTrace(redis: RedisConnection, site: string, name: BackupName): void {
  const carried = tracing()?.carry();
  if (carried === undefined) return;
  redis.set(traceKey(site, name), carried, 'EX', KEPT_SECONDS).catch(() => undefined);
}

/**
 * Asks for what comes next with a backup. Where no job does so, but what a crash left out is made good, it becomes part of
 * the trace of the backup's dump all the same.
 */
export async function inTraceOf<T>(
  { redis, site }: { readonly redis: RedisConnection; readonly site: string },
  name: BackupName,
  work: () => Promise<T>,
): Promise<T> {
  const traces = tracing();
  if (traces === undefined || traces.carry() !== undefined) return work();
  const carried = await redis.get(traceKey(site, name)).catch(() => null);
  return carried === null ? work() : traces.resume(carried, work);
}
