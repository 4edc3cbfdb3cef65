import { openWorkerContext, type SharedContext, type WorkerContext } from '@pgstow/catalog/published/worker-context.ts';
import type { ProcessNotifying } from '@pgstow/notify/start-notifying.ts';
import { subjects as all } from '@pgstow/shared/config/subjects.ts';
import { placesOf } from '@pgstow/shared/config/subjects/destinations.ts';
import type { EncryptionConfig } from '@pgstow/shared/config/subjects/encryption.ts';
import type { PostgresConfig } from '@pgstow/shared/config/subjects/postgres.ts';
import type { Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { ProcessContext } from '@pgstow/shared/runtime/process.ts';
import type { ServerProcess } from '@pgstow/shared/runtime/servers/servers.ts';
import { Notifier } from './notifier.ts';

const { postgres, targets, schedule, backup, encryption, destinations, verify, alarms, redis } = all;
export const subjects = { postgres, targets, schedule, backup, encryption, destinations, verify, alarms, redis };

/** Everything that jobs and reconciliation of one server use. */
export type DumpContext = WorkerContext & {
  readonly postgres: PostgresConfig;
  readonly schedule: Schedule;
  readonly encryption: EncryptionConfig;
  /** Destinations by name; none where backups stay local. */
  readonly destinations: ReadonlyMap<string, Destination>;
  /** The queue for the dumps of the databases that were found. */
  readonly dumps: OpenQueue<'dump'>;
  readonly uploads: OpenQueue<'upload'>;
  readonly verifications: OpenQueue<'verify'>;
  readonly notifier: Pick<Notifier, 'dumpStarted' | 'dumpJudged' | 'newestJudged' | 'pruned'>;
};

/** The processes of all servers share Redis and the ways to reach people. */
export type DumpProcess = SharedContext & { readonly notifying: ProcessNotifying };

/** Opens what the process works with for one server; the server's stack closes it. */
export async function openContext(
  opening: ServerProcess<ProcessContext<typeof subjects>['config']>,
  shared: DumpProcess,
): Promise<DumpContext & { readonly notifier: Notifier }> {
  const { server, config, stack } = opening;
  const { site, redis, notifying } = shared;
  const worker = await openWorkerContext(opening, shared);
  const opened = {
    ...worker,
    postgres: config.postgres,
    schedule: config.schedule,
    destinations: new Map(placesOf(config.destinations).map((each) => [each.name, each])),
    encryption: config.encryption,
    dumps: stack.use(openQueue('dump', site, redis, server)),
    uploads: stack.use(openQueue('upload', site, redis, server)),
    verifications: stack.use(openQueue('verify', site, redis, server)),
  };
  return { ...opened, notifier: new Notifier({ ...opened, ...notifying.of(server) }) };
}
