import { openWorkerContext, type SharedContext, type WorkerContext } from '@pgstow/catalog/published/worker-context.ts';
import type { ProcessNotifying } from '@pgstow/notify/start-notifying.ts';
import { subjects as all } from '@pgstow/shared/config/subjects.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { ProcessContext } from '@pgstow/shared/runtime/process.ts';
import type { ServerProcess } from '@pgstow/shared/runtime/servers/servers.ts';
import { openStore } from '@pgstow/store/open/open-store.ts';
import type { Store } from '@pgstow/store/store.ts';
import { Notifier } from './notifier.ts';

const { targets, backup, encryption, destinations, verify, alarms, redis } = all;
export const subjects = { targets, backup, encryption, destinations, verify, alarms, redis };

/** A destination, and how to read there. */
export type VerifyDestination = Destination & { readonly store: Store };

/** Everything that jobs and reconciliation of one server use. */
export type VerifyContext = WorkerContext & {
  /** Destinations by name; none where backups stay local. */
  readonly destinations: ReadonlyMap<string, VerifyDestination>;
  readonly verifications: OpenQueue<'verify'>;
  /** File of the identity that decrypts dumps; `undefined` where none is here. */
  readonly identityFile: string | undefined;
  readonly notifier: Notifier;
};

/** The processes of all servers share Redis and the ways to reach people. */
export type VerifyProcess = SharedContext & { readonly notifying: ProcessNotifying };

/** Opens what the process works with for one server; the server's stack closes it. */
export async function openContext(
  opening: ServerProcess<ProcessContext<typeof subjects>['config']>,
  shared: VerifyProcess,
): Promise<VerifyContext> {
  const { server, config, log, stack } = opening;
  const { site, redis, notifying } = shared;
  const worker = await openWorkerContext(opening, shared);
  const destinations = new Map<string, VerifyDestination>();
  for (const each of config.destinations) {
    const store = stack.use(await openStore(each, (sentence) => log.warn(sentence)));
    destinations.set(store.destination.name, { ...store.destination, store });
  }
  const opened = {
    ...worker,
    destinations,
    identityFile: config.encryption.identityFile,
    verifications: stack.use(openQueue('verify', site, redis, server)),
  };
  return { ...opened, notifier: new Notifier({ ...opened, ...notifying.of(server) }) };
}
