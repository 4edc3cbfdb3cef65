import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { eventually } from '../eventually.ts';
import { unprivilegedUser, type SystemUser } from '../machine/system-user.ts';
import { tempFolder } from '../machine/temp-folder.ts';
import { testedPostgresBinDir } from '../machine/tested-postgres.ts';
import { BoundProcess, describeExit } from '../processes/bound-process.ts';
import { startOnPort } from './start-on-port.ts';

export interface PostgresOptions {
  /** The port; a free one unless given. */
  readonly port?: number;
  /** The folder of initdb and postgres; that of the tested version unless given. */
  readonly binDir?: string;
  /** More server settings, by their names in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A folder of locales that the machine itself lacks; see `makeLocales`. */
  readonly localeFolder?: string;
}

export interface PostgresServer extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** A superuser; every connection, by socket too, asks for its password (scram-sha-256). */
  readonly user: string;
  readonly password: string;
  readonly socketDir: string;
  readonly dataDir: string;
  readonly binDir: string;
  /** The server's major version, such as 15. */
  readonly major: number;
  /** The running server's process; the last one's while it is stopped. */
  readonly pid: number;
  /** A connection URL with the password in it. */
  url(database: string): string;
  /** The libpq environment of a connection (PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE), for pg_dump and the like. */
  env(database: string): Record<string, string>;
  /** Runs SQL through psql, stopping at the first error; returns the rows, columns parted by `|`. */
  psql(database: string, sql: string, signal?: AbortSignal): Promise<string>;
  psqlFile(database: string, path: string, signal?: AbortSignal): Promise<string>;
  /** Creates a database with any name that PostgreSQL allows. */
  createDatabase(name: string): Promise<void>;
  dropDatabase(name: string): Promise<void>;
  start(): Promise<void>;
  /** Shuts down fast: clients are cut off. */
  stop(): Promise<void>;
  restart(): Promise<void>;
  /** Kills the server as a crash would, with SIGKILL. The data survive: fsync matters only when the machine goes down. */
  kill(): Promise<void>;
}

/**
 * A private PostgreSQL on 127.0.0.1 and on a socket in its own folder, made by initdb, without fsync. For root, who may not
 * run PostgreSQL, it runs as `postgres` or `nobody`.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const binDir = options.binDir ?? testedPostgresBinDir();
  if (binDir === undefined)
    throw new Error('wanted initdb and postgres in /usr/lib/postgresql/*/bin or on PATH, found none');
  const owner = unprivilegedUser();
  await using cleanup = new AsyncDisposableStack();
  // The path of a socket has at most 107 bytes.
  const folder = cleanup.use(await tempFolder('pgstow-pg-', owner)).path;
  const dataDir = join(folder, 'data');
  const user = 'pgstow';
  const password = randomBytes(18).toString('hex');
  await createCluster({ binDir, folder, dataDir, user, password, owner });

  const launch = (port: number) =>
    startServer({ ...options, binDir, folder, dataDir, port, owner, settings: options.settings ?? {} });
  const started = await startOnPort(options.port, launch);
  const { port } = started;
  let { server } = started;
  cleanup.defer(async () => {
    // An orderly stop leaves no shared memory behind.
    await server.stop('SIGINT');
    await server[Symbol.asyncDispose]();
  });

  const env = (database: string) => ({
    PGHOST: '127.0.0.1',
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
    PGDATABASE: database,
  });
  const psql = async (database: string, args: readonly string[], signal?: AbortSignal, input = '') => {
    const { stdout } = await execa(join(binDir, 'psql'), ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', ...args], {
      env: { ...baseEnv(), ...env(database) },
      extendEnv: false,
      input,
      ...(signal && { cancelSignal: signal }),
    });
    return stdout;
  };
  const runSql = (database: string, sql: string, signal?: AbortSignal) => psql(database, ['-f', '-'], signal, sql);
  const start = async () => {
    if (server.exit) server = await launch(port);
  };
  const stop = async () => {
    await server.stop('SIGINT');
  };
  const major = Number((await readFile(join(dataDir, 'PG_VERSION'), 'utf8')).trim());

  const owned = cleanup.move();
  return {
    host: '127.0.0.1',
    port,
    user,
    password,
    socketDir: folder,
    dataDir,
    binDir,
    major,
    get pid() {
      return server.pid;
    },
    url: (database) => `postgresql://${user}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    env,
    psql: runSql,
    psqlFile: (database, path, signal) => psql(database, ['-f', path], signal),
    createDatabase: async (name) => {
      await runSql('postgres', `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0`);
    },
    dropDatabase: async (name) => {
      await runSql('postgres', `DROP DATABASE ${quoteIdentifier(name)} WITH (FORCE)`);
    },
    start,
    stop,
    restart: async () => {
      await stop();
      await start();
    },
    kill: async () => {
      await server.kill();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const baseEnv = (): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
});

interface Cluster {
  readonly binDir: string;
  readonly folder: string;
  readonly dataDir: string;
  readonly owner: SystemUser | undefined;
}

async function createCluster(cluster: Cluster & { readonly user: string; readonly password: string }): Promise<void> {
  const passwordFile = join(cluster.folder, 'password');
  // Readable by the server's user: the folder around it is private to that user.
  await writeFile(passwordFile, cluster.password, { mode: 0o644 });
  await using initdb = await BoundProcess.start({
    command: join(cluster.binDir, 'initdb'),
    args: `--auth scram-sha-256 --encoding UTF8 --no-locale --no-sync`
      .split(' ')
      .concat('-D', cluster.dataDir, '-U', cluster.user, '--pwfile', passwordFile),
    env: { ...baseEnv(), HOME: cluster.folder },
    cwd: cluster.folder,
    user: cluster.owner,
  });
  const exit = await initdb.waitForExit();
  if (exit.code !== 0) throw new Error(`initdb ${describeExit(exit)}; its newest output:\n${initdb.tail}`);
}

async function startServer(
  cluster: Cluster & {
    readonly port: number;
    readonly settings: Readonly<Record<string, string>>;
    readonly localeFolder?: string;
  },
): Promise<BoundProcess> {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(cluster.port),
    unix_socket_directories: cluster.folder,
    fsync: 'off',
    full_page_writes: 'off',
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_wal_size: '4GB',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...cluster.settings,
  };
  // For a moment, a killed server's backends hold its shared memory: a new server has to wait.
  return await eventually(async () => {
    const server = await BoundProcess.start({
      command: join(cluster.binDir, 'postgres'),
      args: ['-D', cluster.dataDir, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      env: {
        ...baseEnv(),
        HOME: cluster.folder,
        ...(cluster.localeFolder !== undefined && { LOCPATH: cluster.localeFolder }),
      },
      cwd: cluster.folder,
      user: cluster.owner,
    });
    try {
      await server.waitForLine(/database system is ready to accept connections/);
      return { started: server };
    } catch (error) {
      await server[Symbol.asyncDispose]();
      if (/pre-existing shared memory block|lock file .* already exists/.test(String(error))) throw error;
      return { error };
    }
  }).then((outcome) => {
    if ('started' in outcome) return outcome.started;
    throw outcome.error;
  });
}
