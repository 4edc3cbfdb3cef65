import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, readdir, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describeError, PermanentError } from '@pgstow/shared/runtime/errors.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import { chooseScratchPrograms, listServers } from './choose-scratch-programs.ts';
import { roomFor, watchDisk } from './scratch-disk.ts';
import { isScratchHostThere } from './scratch-host-client.ts';
import {
  destroyOnAbort,
  faultOf,
  hostSocket,
  readMessages,
  requestSchema,
  say,
  type HostRequest,
} from './scratch-host-messages.ts';
import { removeScratchServer, startScratchProcess } from './scratch-process.ts';
import { endHostUser } from './scratch-user.ts';

export type ScratchHostOptions = {
  /** Folder of its socket and of the clusters. Only verify workers have access to it. */
  readonly folder: string;
  readonly log: Log;
};

const PREFIX = 'server-';
const OURS = /^server-[0-9a-f]{6}$/;
/** Time in which a new connection must send its request. */
const ASK_MS = 10_000;

/**
 * Runs scratch servers for connections to its socket, one at a time, because the memory suffices for one. Each server lives
 * as long as the connection that requested it. First it removes what a killed host has left. Disposing ends all.
 *
 * @throws PermanentError if another host has that folder, or if it cannot listen there
 */
export async function startScratchHost({ folder, log }: ScratchHostOptions): Promise<AsyncDisposable> {
  await takeOver(folder);
  const ended = new AbortController();
  const serving = new Set<Promise<void>>();
  let turn: Promise<void> = Promise.resolve();

  const serve = async (socket: Socket): Promise<void> => {
    const requests = readMessages(socket, requestSchema);
    const request = await firstOf(requests, socket, ended.signal);
    if (request?.ask === 'look') return await tell(socket, folder);
    if (request === undefined) return;
    const left = new AbortController();
    const leave = (): void => left.abort(new Error('the worker has hung up'));
    // The worker sends nothing after its request: the next event is the end.
    void requests.next().then(leave, leave);
    const signal = AbortSignal.any([left.signal, ended.signal]);
    const mine = turn.then(() => runServer(socket, request, { folder, log, signal }));
    turn = mine.catch(() => undefined);
    await mine;
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    const served = serve(socket)
      .catch((error: unknown) => log.warn({ err: describeError(error) }, 'a connection made no sense'))
      .finally(() => {
        // The last message is sent before the end. The other side need not end its half.
        socket.destroySoon();
        serving.delete(served);
      });
    serving.add(served);
  });
  server.listen(hostSocket(folder));
  await once(server, 'listening');
  await chmod(hostSocket(folder), 0o777);
  return {
    async [Symbol.asyncDispose]() {
      ended.abort(new Error('the scratch host ends'));
      server.close();
      await Promise.all(serving);
    },
  };
}

/** Removes what a host that was killed has left. */
async function takeOver(folder: string): Promise<void> {
  if (await isScratchHostThere(folder)) {
    throw new PermanentError(`another scratch host runs in ${folder}`, { hint: 'Give each a folder of its own.' });
  }
  await endHostUser();
  await rm(hostSocket(folder), { force: true });
  for (const name of await readdir(folder)) {
    if (OURS.test(name)) await removeScratchServer(join(folder, name));
  }
}

/** Reads the request of a connection. It waits neither for ever nor longer than the host lives. */
async function firstOf(
  requests: AsyncGenerator<HostRequest>,
  socket: Socket,
  ended: AbortSignal,
): Promise<HostRequest | undefined> {
  using _bound = destroyOnAbort(socket, AbortSignal.any([ended, AbortSignal.timeout(ASK_MS)]));
  const { value } = (await requests.next()) as { value: HostRequest | undefined };
  return value;
}

async function tell(socket: Socket, folder: string): Promise<void> {
  say(socket, { ...(await listServers()), roomBytes: Math.floor(await roomFor(folder, undefined)) });
}

/** Runs a server from its start to its end, whatever ends it. */
async function runServer(
  socket: Socket,
  { major, memoryBytes, diskBytes, extensions = [] }: Extract<HostRequest, { ask: 'start' }>,
  { folder, log, signal }: ScratchHostOptions & { readonly signal: AbortSignal },
): Promise<void> {
  // The worker may have given up while it waited.
  if (signal.aborted) return;
  const name = PREFIX + randomBytes(3).toString('hex');
  const place = join(folder, name);
  using disk = watchDisk(place, diskBytes);
  const bounded = AbortSignal.any([signal, disk.signal]);
  try {
    // Processes that outlived the previous server must not meet this one.
    await endHostUser();
    const clients = await chooseScratchPrograms(major);
    await using running = await startScratchProcess({
      folder: place,
      isOpen: true,
      clients,
      memoryBytes,
      extensions,
      beforeRemoval: endHostUser,
      signal: bounded,
    });
    const { version, socketFolder, isOffline, notes } = running;
    log.info({ server: name, version, isOffline, notes }, 'a scratch server runs');
    say(socket, { version, socketFolder, isOffline, notes });
    throw await reasonOf(AbortSignal.any([bounded, running.signal]));
  } catch (error) {
    // A hang-up is the ordinary end. A removal that fails after it is another error.
    if (error !== signal.reason) {
      log.warn(
        { server: name, err: describeError(error) },
        'a scratch server did not start, ended by itself, or is not gone',
      );
      say(socket, faultOf(error));
    }
  }
  log.info({ server: name }, 'done with the scratch server');
}

/** Waits for the reason of a signal. */
async function reasonOf(signal: AbortSignal): Promise<unknown> {
  if (!signal.aborted) await once(signal, 'abort');
  return signal.reason;
}
