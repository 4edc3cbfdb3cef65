import { openWorkerContext, type WorkerContext } from '@pgstow/catalog/published/worker-context.ts';
import { startNotifying } from '@pgstow/notify/start-notifying.ts';
import { subjects as all } from '@pgstow/shared/config/subjects.ts';
import type { PostgresConfig } from '@pgstow/shared/config/subjects/postgres.ts';
import type { Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { ProcessContext } from '@pgstow/shared/runtime/process.ts';
import { Notifier } from './notifier.ts';

const { postgres, schedule, backup, s3, verify, alarms, redis } = all;
export const subjects = { postgres, schedule, backup, s3, verify, alarms, redis };

/** Everything that jobs and reconciliation use. */
export type DumpContext = WorkerContext & {
  readonly postgres: PostgresConfig;
  readonly schedule: Schedule;
  /** Destinations by name; none where backups stay local. */
  readonly destinations: ReadonlyMap<string, Destination>;
  readonly uploads: OpenQueue<'upload'>;
  readonly verifications: OpenQueue<'verify'>;
  readonly notifier: Pick<Notifier, 'dumpStarted' | 'dumpJudged' | 'newestJudged' | 'pruned'>;
};

/** Opens what the process works with; its stack closes it. */
export async function openContext(
  process: ProcessContext<typeof subjects>,
): Promise<DumpContext & { readonly notifier: Notifier }> {
  const { config, stack } = process;
  const worker = await openWorkerContext(process);
  const { site, redis } = worker;
  const notifying = startNotifying({ ...process, config: config.alarms, site, redis });
  const destination = config.s3?.destination;
  const opened = {
    ...worker,
    postgres: config.postgres,
    schedule: config.schedule,
    destinations: new Map(destination === undefined ? [] : [[destination.name, destination]]),
    uploads: stack.use(openQueue('upload', site, redis)),
    verifications: stack.use(openQueue('verify', site, redis)),
  };
  return { ...opened, notifier: new Notifier({ ...opened, ...notifying }) };
}
