import { chown, mkdir, mkdtemp, readlink, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clients } from '@pgstow/postgres/client/client-version.ts';
import { bareEnvironment, startProgram } from '@pgstow/postgres/client/run-program.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { endPostgres } from './end-postgres.ts';
import { findPreloadLibraries } from './find-preload-libraries.ts';
import { initCluster } from './init-cluster.ts';
import { planPreloadSettings } from './preload-settings-plan.ts';
import { removeTree } from './remove-tree.ts';
import { planScratchSettings } from './scratch-settings-plan.ts';
import { confine, type Confinement } from './scratch-user.ts';

export type ScratchProcessOptions = {
  /** Made, and removed again with all that lies in it. Where we are root, another user must be able to get there. */
  readonly folder: string;
  /** Whether other users than its own may get to its socket. */
  readonly isOpen: boolean;
  /** The server's programs. */
  readonly clients: Clients;
  /** Memory that the server may take, roughly. */
  readonly memoryBytes: number;
  /** Extensions that it will get. It loads their libraries, as far as they are installed. */
  readonly extensions: readonly string[];
  /** Called once the server has ended, before its folder is removed: nothing may write there any more. */
  readonly beforeRemoval?: () => Promise<void>;
  /** Aborts a start. A server that runs is ended by disposing it. */
  readonly signal: AbortSignal;
};

/** A throw-away PostgreSQL that runs. Disposing ends it and removes its folders, whatever state it is in. */
export type ScratchProcess = AsyncDisposable & {
  /** As in `15.18`. */
  readonly version: string;
  readonly socketFolder: string;
  /** Whether it is without a network. */
  readonly isOffline: boolean;
  /** Things that are not as they should be, a sentence each. */
  readonly notes: readonly string[];
  /** Aborted with an error if it ends by itself. */
  readonly signal: AbortSignal;
};

export const SCRATCH_USER = 'pgstow_scratch';
export const SCRATCH_PORT = '5432';
/** Name of the database that a dump is restored into. */
export const SCRATCH_DATABASE = 'restored';
const START_MS = 120_000;
const KILL_AFTER_MS = 10_000;
/** Wait for its end after SIGKILL. */
const KILLED_MS = 10_000;
/** Wait for the last output of a server that has ended; it arrives much sooner. */
const LAST_WORDS_MS = 1000;
/** Most bytes of a socket's path. Source: https://man7.org/linux/man-pages/man7/unix.7.html */
const LONGEST_SOCKET_PATH = 107;
const SOCKET_FOLDER = 'pgstow-socket-';

/**
 * Makes a cluster and starts its server. The server listens on a socket alone, never runs as root, has no network where this
 * machine allows that, and ends with this process.
 *
 * @throws RetryableError if it does not start
 */
export async function startScratchProcess(options: ScratchProcessOptions): Promise<ScratchProcess> {
  const { folder, clients, beforeRemoval, signal } = options;
  const confinement = await confine();
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => removeScratchServer(folder));
  cleanup.defer(async () => beforeRemoval?.());
  const socketFolder = await makeFolders(options, confinement);
  await initCluster({ clients, confinement, folder, user: SCRATCH_USER, signal });
  const ended = new AbortController();
  const libraries = await findPreloadLibraries(clients, options.extensions);
  const start = async (preloaded: readonly string[]) => {
    const server = launch(options, confinement, socketFolder, preloaded);
    // A program that a dump has started may outlive the server and keep its pipe open for ever.
    server.nodeChildProcess.once('exit', () => setTimeout(() => server.stderr.destroy(), LAST_WORDS_MS).unref());
    await using stack = new AsyncDisposableStack();
    stack.defer(() => endServer(server, folder));
    const said = await waitUntilReady(server, signal);
    const owned = stack.move();
    return { server, said, end: () => owned.disposeAsync() };
  };
  const { server, said, end, left } = await startWithMost(libraries, start, signal);
  const notes =
    left.length === 0 ? [] : [`the scratch server did not start with ${left.join(', ')}, and went on without`];
  cleanup.defer(() => {
    ended.abort(new RetryableError('the scratch server was ended'));
    return end();
  });
  const noteEnd = async (): Promise<void> => {
    const { exitCode, signal } = await server;
    ended.abort(
      new RetryableError(`the scratch server ended (${signal ?? `exit code ${exitCode}`}): ${said()}`, {
        hint: 'Is there enough memory? VERIFY_MEMORY_LIMIT says how much it may take.',
      }),
    );
  };
  void noteEnd();
  const owned = cleanup.move();
  return {
    version: clients.version,
    socketFolder,
    isOffline: confinement.isOffline,
    notes,
    signal: ended.signal,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/**
 * Starts a server with all libraries, else with all but one, else with none: one may want settings that nobody knows here, and
 * the dump may do without it.
 *
 * @returns the started server, and the libraries that it was started without
 * @throws as the start without any
 */
async function startWithMost<T>(
  libraries: readonly string[],
  start: (libraries: readonly string[]) => Promise<T>,
  signal: AbortSignal,
): Promise<T & { readonly left: readonly string[] }> {
  const withoutOne = libraries.length > 1 ? libraries.map((library) => [library]) : [];
  for (const left of libraries.length === 0 ? [] : [[], ...withoutOne]) {
    try {
      return { ...(await start(libraries.filter((library) => !left.includes(library)))), left };
    } catch (error) {
      if (signal.aborted) throw error;
    }
  }
  return { ...(await start([])), left: libraries };
}

async function endServer(server: ReturnType<typeof launch>, folder: string): Promise<void> {
  server.kill('SIGQUIT');
  await endPostgres(join(folder, 'data'));
  // This reaches processes that /proc does not show: there is none, or it hides those of another user.
  const harder = setTimeout(() => server.kill('SIGKILL'), KILL_AFTER_MS);
  const hasEnded = server.then(() => true);
  const isGone = await Promise.race([hasEnded, delay(KILL_AFTER_MS + KILLED_MS, false, { ref: false })]);
  clearTimeout(harder);
  // A process that waits for its disk ignores signals. The next server does not wait for it.
  if (!isGone) throw new RetryableError('the scratch server does not end');
}

/** Ends the remaining processes of a scratch server, even one whose owner was killed, and removes its folder. */
export async function removeScratchServer(folder: string): Promise<void> {
  await endPostgres(join(folder, 'data'));
  // `makeFolders` may have put the socket folder elsewhere.
  const elsewhere = await readlink(join(folder, 'socket')).catch(() => '');
  // A dump's code may have changed the link: only a folder with a name of ours is removed.
  const isOurs = [tmpdir(), '/tmp'].includes(dirname(elsewhere)) && basename(elsewhere).startsWith(SOCKET_FOLDER);
  if (isOurs) await removeTree(elsewhere);
  await removeTree(folder);
}

/** @returns the folder of the socket: in the server's folder, if its path is short enough */
async function makeFolders({ folder, isOpen }: ScratchProcessOptions, { owner }: Confinement): Promise<string> {
  const make = async (path: string): Promise<void> => {
    await mkdir(path, { mode: isOpen ? 0o711 : 0o700 });
    if (owner !== undefined) await chown(path, owner.uid, owner.gid);
  };
  await make(folder);
  const socketFolder = join(folder, 'socket');
  if (Buffer.byteLength(join(socketFolder, `.s.PGSQL.${SCRATCH_PORT}`)) <= LONGEST_SOCKET_PATH) {
    await make(socketFolder);
    return socketFolder;
  }
  const elsewhere = await mkdtemp(join(owner === undefined ? tmpdir() : '/tmp', SOCKET_FOLDER));
  // The link leads a later sweep to the folder.
  await symlink(elsewhere, socketFolder);
  if (owner !== undefined) await chown(elsewhere, owner.uid, owner.gid);
  return elsewhere;
}

function launch(
  { folder, isOpen, clients, memoryBytes }: ScratchProcessOptions,
  confinement: Confinement,
  socketFolder: string,
  libraries: readonly string[],
) {
  const settings = {
    ...planScratchSettings(memoryBytes),
    ...planPreloadSettings(libraries, SCRATCH_DATABASE),
    port: SCRATCH_PORT,
    unix_socket_directories: socketFolder,
    unix_socket_permissions: isOpen ? '0777' : '0700',
  };
  const command = confinement.commandLine(
    [
      join(clients.folder, 'postgres'),
      '-D',
      join(folder, 'data'),
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    'QUIT',
  );
  return startProgram(command, {
    // Neither our secrets nor our settings of PostgreSQL.
    env: { ...bareEnvironment(), ...localeFolder(), HOME: folder, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    cwd: folder,
    stdout: 'ignore',
    buffer: false,
    // Ctrl-C in a terminal must reach this process alone, which then ends the server.
    detached: true,
  });
}

/** @returns a function that returns the end of the server's output */
async function waitUntilReady(server: ReturnType<typeof launch>, signal: AbortSignal): Promise<() => string> {
  let said = '';
  const ready = Promise.withResolvers<void>();
  server.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
    if (said.includes('database system is ready to accept connections')) ready.resolve();
  });
  const failed = (why: string): RetryableError =>
    new RetryableError(`the scratch server ${why}${said === '' ? '' : `: ${said.trim()}`}`);
  const late = setTimeout(() => ready.reject(failed(`was not ready within ${START_MS / 1000} s`)), START_MS);
  const abort = (): void => ready.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  void server.then(() => ready.reject(failed('did not start')));
  // Throwing here would leave `ready` to reject unhandled when the server ends.
  if (signal.aborted) abort();
  try {
    await ready.promise;
  } finally {
    clearTimeout(late);
    signal.removeEventListener('abort', abort);
  }
  return () => said.trim();
}

/**
 * The folder of locales that this process was given, for a machine that lacks the source's.
 * Source: https://man7.org/linux/man-pages/man7/locale.7.html
 */
function localeFolder(): Record<string, string> {
  const folder = process.env['LOCPATH'] ?? '';
  return folder === '' ? {} : { LOCPATH: folder };
}
