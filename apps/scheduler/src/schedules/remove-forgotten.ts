import { scheduledJobId, serverOfScheduleId, type QueueName } from '@pgstow/shared/contract/jobs.ts';
import type { OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';

/** Removes the schedule entries of servers that TARGETS_FILE does not name any more. Their backups stay. */
export async function removeForgotten(
  queue: OpenQueue<QueueName>,
  servers: ReadonlySet<string>,
  log: Pick<Log, 'info'>,
): Promise<void> {
  for (const { key, next } of await queue.getJobSchedulers(0, -1)) {
    const server = serverOfScheduleId(key);
    if (server === undefined || servers.has(server)) continue;
    await queue.removeJobScheduler(key);
    if (next !== undefined) await queue.remove(scheduledJobId(key, next)).catch(() => undefined);
    log.info({ schedule: key }, 'schedule: removed, as TARGETS_FILE does not name its server');
  }
}
