import { chown, mkdir, mkdtemp, readlink, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import type { Clients } from './client-version.ts';
import { chooseScratchPrograms } from './choose-scratch-programs.ts';
import { createScratchDatabase } from './create-scratch-database.ts';
import type { DatabaseLocale } from './database-locale.ts';
import { endPostgres } from './end-postgres.ts';
import { initCluster } from './init-cluster.ts';
import { planScratchSettings } from './scratch-settings-plan.ts';
import { confine, type Confinement } from './scratch-user.ts';

/** The locale is that of the databases in it. */
export type ScratchServerOptions = DatabaseLocale & {
  /** Made, and removed again with all that lies in it. Where we are root, another user must be able to get there. */
  readonly folder: string;
  /** PostgreSQL's major version. */
  readonly major: number;
  /** That it may take, about. */
  readonly memoryBytes: number;
  /** Ends a start that is under way; later on, dispose. */
  readonly signal: AbortSignal;
};

/** A throw-away PostgreSQL that nobody but us reaches. Disposing ends it and removes its folder, whatever state it is in. */
export type ScratchServer = AsyncDisposable & {
  readonly clients: Clients;
  /** As in `15.18`. */
  readonly version: string;
  /** Its folder. */
  readonly path: string;
  /** What is not as at the source, or not as it should be, a sentence each. */
  readonly notes: readonly string[];
  /** Whether its databases have another collation than was asked for. */
  readonly isOtherLocale: boolean;
  /** Aborted with an error if it ends by itself. */
  readonly signal: AbortSignal;
  /** The environment of a client. */
  readonly env: (database: string) => Record<string, string>;
  /** Before the command line of any client that may run what a dump says. */
  readonly runAs: readonly string[];
  /** An empty database, as the source was made. */
  readonly createDatabase: (name: string) => Promise<void>;
  /** Runs SQL as superuser, stopping at the first error; returns rows, columns parted by tabs. @throws RetryableError with psql's words */
  readonly query: (database: string, sql: string) => Promise<string>;
};

const SCRATCH_USER = 'pgstow_scratch';
const PORT = '5432';
const START_MS = 120_000;
const KILL_AFTER_MS = 10_000;
/** Of a socket's path. Source: https://man7.org/linux/man-pages/man7/unix.7.html */
const LONGEST_SOCKET_PATH = 107;
const SOCKET_FOLDER = 'pgstow-socket-';

/**
 * Makes a cluster and starts its server: on a socket in a folder that only its user may enter, without a network where this
 * machine allows that, and bound to our own life.
 *
 * @throws NoScratchServerError if there is no PostgreSQL of that major version; RetryableError if it does not start
 */
export async function startScratchServer(options: ScratchServerOptions): Promise<ScratchServer> {
  const { folder, signal } = options;
  const clients = await chooseScratchPrograms(options.major);
  const confinement = await confine();
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => removeScratchServer(folder));
  const socketFolder = await makeFolders(folder, confinement);
  await initCluster({ clients, confinement, folder, user: SCRATCH_USER, signal });
  const ended = new AbortController();
  const server = launch(options, clients, confinement, socketFolder);
  cleanup.defer(async () => {
    ended.abort(new RetryableError('the scratch server was ended'));
    server.kill('SIGQUIT');
    await endPostgres(join(folder, 'data'));
    // Where there is no /proc to find its processes by.
    const harder = setTimeout(() => server.kill('SIGKILL'), KILL_AFTER_MS);
    await server;
    clearTimeout(harder);
  });
  const said = await waitUntilReady(server, signal);
  const noteEnd = async (): Promise<void> => {
    const { exitCode, signal } = await server;
    ended.abort(
      new RetryableError(`the scratch server ended (${signal ?? `exit code ${exitCode}`}): ${said()}`, {
        hint: 'Is there enough memory? VERIFY_MEMORY_LIMIT says how much it may take.',
      }),
    );
  };
  void noteEnd();

  const env = (database: string): Record<string, string> => ({
    ...bareServerEnvironment(folder),
    PGHOST: socketFolder,
    PGPORT: PORT,
    PGUSER: SCRATCH_USER,
    PGDATABASE: database,
    PGSSLMODE: 'disable',
    PGGSSENCMODE: 'disable',
    // Not there, and not the one of this user.
    PGPASSFILE: join(folder, 'pgpass'),
    PGCONNECT_TIMEOUT: '15',
    PGAPPNAME: 'pgstow',
    PGCLIENTENCODING: 'UTF8',
  });
  const query = (database: string, sql: string): Promise<string> => runSql(clients, env(database), sql, signal);
  const notes = confinement.isOffline
    ? []
    : ['the scratch server had the network of this host, because nobody may be cut off from it here'];
  let isOtherLocale = false;
  const owned = cleanup.move();
  return {
    clients,
    version: clients.version,
    path: folder,
    notes,
    get isOtherLocale() {
      return isOtherLocale;
    },
    signal: ended.signal,
    env,
    runAs: confinement.commandLine([], 'TERM'),
    query,
    createDatabase: async (name) => {
      const replaced = await createScratchDatabase(name, options, (sql) => query('postgres', sql));
      if (replaced === undefined) return;
      isOtherLocale = true;
      notes.push(replaced);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Ends what may still run of a scratch server, ours or one whose owner was killed, and removes its folder. */
export async function removeScratchServer(folder: string): Promise<void> {
  await endPostgres(join(folder, 'data'));
  // A socket folder that had to lie elsewhere: see `makeFolders`.
  const elsewhere = await readlink(join(folder, 'socket')).catch(() => '');
  if (basename(elsewhere).startsWith(SOCKET_FOLDER)) await rm(elsewhere, { recursive: true, force: true });
  // A server that was killed may still be writing its last file.
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

/** @returns where the socket is to lie: in the folder, if its path is short enough */
async function makeFolders(folder: string, { owner }: Confinement): Promise<string> {
  const make = async (path: string): Promise<void> => {
    await mkdir(path, { mode: 0o700 });
    if (owner !== undefined) await chown(path, owner.uid, owner.gid);
  };
  await make(folder);
  const socketFolder = join(folder, 'socket');
  if (Buffer.byteLength(join(socketFolder, `.s.PGSQL.${PORT}`)) <= LONGEST_SOCKET_PATH) {
    await make(socketFolder);
    return socketFolder;
  }
  const elsewhere = await mkdtemp(join(owner === undefined ? tmpdir() : '/tmp', SOCKET_FOLDER));
  // So that whoever sweeps after us finds it.
  await symlink(elsewhere, socketFolder);
  if (owner !== undefined) await chown(elsewhere, owner.uid, owner.gid);
  return elsewhere;
}

/** Nothing of ours, neither secrets nor settings of PostgreSQL's. */
function bareServerEnvironment(folder: string): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: folder, LC_ALL: 'C.UTF-8', TZ: 'UTC' };
}

function launch(
  { folder, memoryBytes }: ScratchServerOptions,
  { folder: programs }: Clients,
  confinement: Confinement,
  socketFolder: string,
) {
  const settings = { ...planScratchSettings(memoryBytes), port: PORT, unix_socket_directories: socketFolder };
  const [program = '', ...argv] = confinement.commandLine(
    [
      join(programs, 'postgres'),
      '-D',
      join(folder, 'data'),
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    'QUIT',
  );
  return execa(program, argv, {
    env: bareServerEnvironment(folder),
    extendEnv: false,
    cwd: folder,
    stdin: 'ignore',
    stdout: 'ignore',
    buffer: false,
    reject: false,
    // A Ctrl-C in our terminal is ours alone: the server ends when we end it.
    detached: true,
  });
}

/** @returns reads the end of what the server says */
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
  // Not thrown: the server's end would reject what nobody awaits.
  if (signal.aborted) abort();
  try {
    await ready.promise;
  } finally {
    clearTimeout(late);
    signal.removeEventListener('abort', abort);
  }
  return () => said.trim();
}

async function runSql(
  { folder }: Clients,
  env: Readonly<Record<string, string>>,
  sql: string,
  signal: AbortSignal,
): Promise<string> {
  const { stdout, stderr, failed } = await execa(
    join(folder, 'psql'),
    '--no-psqlrc --no-password --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --file -'
      .split(' ')
      .concat('--field-separator=\t'),
    { env, extendEnv: false, input: sql, reject: false, cancelSignal: signal },
  );
  signal.throwIfAborted();
  if (failed) throw new RetryableError(`the scratch server refused a statement: ${stderr.trim()}`);
  return stdout;
}
