import { openWorkerContext, type WorkerContext } from '@pgstow/catalog/published/worker-context.ts';
import { startNotifying } from '@pgstow/notify/start-notifying.ts';
import { subjects as all } from '@pgstow/shared/config/subjects.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { ProcessContext } from '@pgstow/shared/runtime/process.ts';
import { S3Store } from '@pgstow/store/s3/s3-store.ts';
import type { Store } from '@pgstow/store/store.ts';
import { Notifier } from './notifier.ts';

const { backup, s3, verify, alarms, redis } = all;
export const subjects = { backup, s3, verify, alarms, redis };

/** A destination, and how to read there. */
export type VerifyDestination = Destination & { readonly store: Store };

/** Everything that jobs and reconciliation use. */
export type VerifyContext = WorkerContext & {
  /** Destinations by name; none where backups stay local. */
  readonly destinations: ReadonlyMap<string, VerifyDestination>;
  readonly verifications: OpenQueue<'verify'>;
  readonly notifier: Notifier;
};

/** Opens what the process works with; its stack closes it. */
export async function openContext(process: ProcessContext<typeof subjects>): Promise<VerifyContext> {
  const { config, log, stack } = process;
  const { alarms, s3 } = config;
  const worker = await openWorkerContext(process);
  const { site, redis } = worker;
  const notifying = startNotifying({ ...process, config: alarms, site, redis });
  const store = s3 && stack.use(new S3Store(s3, (_extra, sentence) => log.warn(sentence)));
  const opened = {
    ...worker,
    destinations: new Map(store === undefined ? [] : [[store.destination.name, { ...store.destination, store }]]),
    verifications: stack.use(openQueue('verify', site, redis)),
  };
  return { ...opened, notifier: new Notifier({ ...opened, ...notifying }) };
}
