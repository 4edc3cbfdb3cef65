import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import {
  destroyOnAbort,
  errorOf,
  hostSocket,
  lookSchema,
  readMessages,
  say,
  startedSchema,
  type HostLook,
  type HostRequest,
} from './scratch-host-messages.ts';
import type { ScratchProcess } from './scratch-process.ts';

const LOOK_MS = 15_000;
/** Limit for the end of a server: it has some ten seconds to quit, and then its folder is removed. */
const END_MS = 30_000;

const HINT = 'Is the service scratch-host running? Its log says why it does not.';

/**
 * Asks a scratch host for the major versions of its servers and for the free bytes of its disk.
 *
 * @throws RetryableError if it does not answer
 */
export async function lookAtScratchHost(folder: string, signal: AbortSignal, withinMs = LOOK_MS): Promise<HostLook> {
  const socket = await reach(folder);
  using _bound = destroyOnAbort(socket, AbortSignal.any([signal, AbortSignal.timeout(withinMs)]));
  const answer = await ask(socket, { ask: 'look' }, readMessages(socket, lookSchema), signal);
  socket.destroy();
  return answer;
}

/**
 * Has a scratch host run a server until it is disposed or this process ends. A host runs one server at a time, so this waits
 * for its turn.
 *
 * @throws NoScratchServerError if it has no PostgreSQL of that major version; RetryableError if it does not answer or start
 */
export async function askForScratchProcess(
  folder: string,
  request: Omit<Extract<HostRequest, { ask: 'start' }>, 'ask'>,
  signal: AbortSignal,
): Promise<ScratchProcess> {
  const socket = await reach(folder);
  const messages = readMessages(socket, startedSchema);
  using bound = destroyOnAbort(socket, signal);
  const answer = await ask(socket, { ask: 'start', ...request }, messages, signal);
  bound[Symbol.dispose]();
  const ended = new AbortController();
  const noteEnd = async (): Promise<void> => {
    const { value: last } = await messages.next().catch(() => ({ value: undefined }));
    ended.abort(
      last !== undefined && 'fault' in last
        ? errorOf(last)
        : new RetryableError('the scratch host has ended, and the scratch server with it'),
    );
    socket.destroy();
  };
  void noteEnd();
  return { ...answer, signal: ended.signal, [Symbol.asyncDispose]: () => hangUp(socket) };
}

/** Tells whether a host listens there: one that was killed leaves its socket behind. */
export async function isScratchHostThere(folder: string): Promise<boolean> {
  try {
    (await reach(folder)).destroy();
    return true;
  } catch (error) {
    const { code } = (error as RetryableError).cause as NodeJS.ErrnoException;
    // Too many connections wait. Any other fault of the path shows when a host begins to listen there.
    return code === 'EAGAIN';
  }
}

async function reach(folder: string): Promise<Socket> {
  const path = hostSocket(folder);
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch (cause) {
    throw new RetryableError(`the scratch host does not answer at ${path}: ${(cause as Error).message}`, {
      hint: HINT,
      cause,
    });
  }
  // The end of its messages tells of a fault from here on.
  socket.on('error', () => undefined);
  return socket;
}

/** @returns the first answer */
async function ask<T extends object>(
  socket: Socket,
  request: HostRequest,
  answers: AsyncGenerator<T>,
  signal: AbortSignal,
): Promise<Exclude<T, { fault: unknown }>> {
  say(socket, request);
  try {
    const { value: answer } = (await answers.next()) as { value: T | undefined };
    if (answer === undefined) throw new RetryableError('the scratch host has ended');
    if ('fault' in answer) throw errorOf(answer as never);
    return answer as Exclude<T, { fault: unknown }>;
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
    throw new RetryableError('the scratch host gave no answer', { hint: HINT, cause: error });
  }
}

/** Releases the server, and waits until the host has removed it. */
async function hangUp(socket: Socket): Promise<void> {
  if (socket.closed) return;
  // A host that is killed meanwhile may leave an error before the end.
  const closed = once(socket, 'close').catch(() => undefined);
  socket.end();
  const late = setTimeout(() => socket.destroy(), END_MS);
  await closed;
  clearTimeout(late);
}
