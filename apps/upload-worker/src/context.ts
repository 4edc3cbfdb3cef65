import { openWorkerContext, type SharedContext, type WorkerContext } from '@pgstow/catalog/published/worker-context.ts';
import type { ProcessNotifying } from '@pgstow/notify/start-notifying.ts';
import { subjects as all } from '@pgstow/shared/config/subjects.ts';
import { openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { ProcessContext } from '@pgstow/shared/runtime/process.ts';
import type { ServerProcess } from '@pgstow/shared/runtime/servers/servers.ts';
import { Notifier } from './notifier.ts';
import { openDestinations, type UploadDestination } from './upload-destination.ts';

const { targets, backup, destinations, verify, alarms, redis } = all;
export const subjects = { targets, backup, destinations, verify, alarms, redis };

/** Everything that jobs and reconciliation of one server use. */
export type UploadContext = WorkerContext & {
  /** Destinations by name; none where backups stay local. */
  readonly destinations: ReadonlyMap<string, UploadDestination>;
  readonly uploads: OpenQueue<'upload'>;
  readonly verifications: OpenQueue<'verify'>;
  readonly notifier: Notifier;
};

/** The processes of all servers share Redis and the ways to reach people. */
export type UploadProcess = SharedContext & { readonly notifying: ProcessNotifying };

/** Opens what the process works with for one server; the server's stack closes it. */
export async function openContext(
  opening: ServerProcess<ProcessContext<typeof subjects>['config']>,
  shared: UploadProcess,
): Promise<UploadContext> {
  const { server, config, log, stack } = opening;
  const { site, redis, notifying } = shared;
  const worker = await openWorkerContext(opening, shared);
  const opened = {
    ...worker,
    destinations: await openDestinations(config.destinations, log, stack),
    uploads: stack.use(openQueue('upload', site, redis, server)),
    verifications: stack.use(openQueue('verify', site, redis, server)),
  };
  return { ...opened, notifier: new Notifier({ ...opened, ...notifying.of(server) }) };
}
