import type { TargetsConfig } from '../../config/subjects/targets.ts';
import type { QueueName } from '../../contract/jobs.ts';
import { BusyError, PermanentError } from '../errors.ts';
import type { Task } from '../jobs/task.ts';
import type { Servers } from './servers.ts';

/** Time for all processes to read a changed TARGETS_FILE, and for a person to mend a faulty one. */
const UNKNOWN_FOR_MS = 10 * 60_000;
const ASK_AGAIN_MS = 5000;
const LONGEST_WAIT_MS = 60_000;

type Bounded = { readonly targets: TargetsConfig };

/** Jobs that were sent back since a server's last job began, by its context. */
const sentBack = new WeakMap<object, number>();

/**
 * Handles a job in the context of its server. A job whose server has as many running as it may goes back to its queue.
 *
 * @throws BusyError; PermanentError if the server is still not known after ten minutes; as `handle` does
 */
export async function handleByServer<Q extends QueueName, Context extends object, T>(
  queue: Q,
  servers: Pick<Servers<Bounded, Context>, 'run' | 'names'>,
  task: Task<Q>,
  handle: (task: Task<Q>, context: Context) => Promise<T>,
): Promise<T> {
  const { server } = task.data;
  const handled = servers.run(server, async (context, { config, running }) => {
    if (running >= config.targets.concurrency[queue].perServer) throw waitForTurn(queue, running, context);
    sentBack.delete(context);
    return handle(task, context);
  });
  if (handled !== undefined) return handled;
  const what = `there is no server ${JSON.stringify(server)}`;
  if (Date.now() - task.wantedSince.getTime() < UNKNOWN_FOR_MS)
    throw new BusyError(`${what} yet; TARGETS_FILE may be about to name it`, ASK_AGAIN_MS);
  throw new PermanentError(what, { hint: `TARGETS_FILE names ${servers.names.join(', ') || 'none'}.` });
}

/** The more jobs wait for a server, the longer each of them waits: together they ask every second or so. */
function waitForTurn(queue: QueueName, running: number, context: object): BusyError {
  const others = sentBack.get(context) ?? 0;
  sentBack.set(context, others + 1);
  const waitMs = Math.min(LONGEST_WAIT_MS, 1000 * (1 + others));
  return new BusyError(
    `its server has ${running} ${queue} job(s) running already`,
    Math.round(waitMs * (0.5 + Math.random())),
    { isUsual: true },
  );
}
