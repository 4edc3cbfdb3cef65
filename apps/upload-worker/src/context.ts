import { openWorkerContext, type WorkerContext } from '@pgstow/catalog/published/worker-context.ts';
import { startNotifying } from '@pgstow/notify/start-notifying.ts';
import { subjects as all } from '@pgstow/shared/config/subjects.ts';
import { openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { ProcessContext } from '@pgstow/shared/runtime/process.ts';
import { Notifier } from './notifier.ts';
import { openDestinations, type UploadDestination } from './upload-destination.ts';

const { backup, s3, verify, alarms, redis } = all;
export const subjects = { backup, s3, verify, alarms, redis };

/** Everything that jobs and reconciliation use. */
export type UploadContext = WorkerContext & {
  /** Destinations by name; none where backups stay local. */
  readonly destinations: ReadonlyMap<string, UploadDestination>;
  readonly uploads: OpenQueue<'upload'>;
  readonly verifications: OpenQueue<'verify'>;
  readonly notifier: Notifier;
};

/** Opens what the process works with; its stack closes it. */
export async function openContext(process: ProcessContext<typeof subjects>): Promise<UploadContext> {
  const { config, log, stack } = process;
  const worker = await openWorkerContext(process);
  const { site, redis } = worker;
  const notifying = startNotifying({ ...process, config: config.alarms, site, redis });
  const opened = {
    ...worker,
    destinations: openDestinations(config.s3, log, stack),
    uploads: stack.use(openQueue('upload', site, redis)),
    verifications: stack.use(openQueue('verify', site, redis)),
  };
  return { ...opened, notifier: new Notifier({ ...opened, ...notifying }) };
}
