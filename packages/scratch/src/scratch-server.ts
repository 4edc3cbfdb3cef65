import { join } from 'node:path';
import { chooseClients, findClients, type Clients } from '@pgstow/postgres/client/client-version.ts';
import { ROWS_ALONE } from '@pgstow/postgres/client/psql-options.ts';
import { bareEnvironment, runProgram } from '@pgstow/postgres/client/run-program.ts';
import { createDatabase } from '@pgstow/postgres/facts/create-database.ts';
import type { DatabaseLocale } from '@pgstow/postgres/facts/database-locale.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { chooseScratchPrograms } from './choose-scratch-programs.ts';
import { askForScratchProcess } from './scratch-host-client.ts';
import { SCRATCH_PORT, SCRATCH_USER, startScratchProcess } from './scratch-process.ts';
import { confine } from './scratch-user.ts';

/** Options of a scratch server, and the locale of its databases. */
export type ScratchServerOptions = DatabaseLocale & {
  /** Made, and removed again with all that lies in it. Where we are root, another user must be able to get there. */
  readonly folder: string;
  /** PostgreSQL's major version. */
  readonly major: number;
  /** Memory that the server may take, roughly. */
  readonly memoryBytes: number;
  /** Extensions that it will get, if they are known. */
  readonly extensions?: readonly string[];
  /** Scratch host that runs the server on its own disk; without one, this process runs it. */
  readonly host?: {
    readonly folder: string;
    /** Bytes that the server may take on its disk; `undefined` for all that is free there. */
    readonly diskBytes: number | undefined;
  };
  /** Aborts a start. A server that runs is ended by disposing it. */
  readonly signal: AbortSignal;
};

/** A throw-away PostgreSQL that nobody but us reaches. Disposing ends it and removes its folder, whatever state it is in. */
export type ScratchServer = AsyncDisposable & {
  readonly clients: Clients;
  /** As in `15.18`. */
  readonly version: string;
  /** Differences from the source and from how it should be, a sentence each. */
  readonly notes: readonly string[];
  /** Whether its databases have another collation than was asked for. */
  readonly isOtherLocale: boolean;
  /** Aborted with an error if it ends by itself. */
  readonly signal: AbortSignal;
  /** The environment of a client. */
  readonly env: (database: string) => Record<string, string>;
  /** Words before the command line of a client that may run what a dump says. */
  readonly runAs: readonly string[];
  /** Creates an empty database like the source. */
  readonly createDatabase: (name: string) => Promise<void>;
  /** Runs SQL as superuser, stopping at the first error; returns rows, columns parted by tabs. @throws RetryableError with psql's words */
  readonly query: (database: string, sql: string) => Promise<string>;
};

/**
 * Has a cluster made and its server started, here or by a scratch host.
 *
 * @throws NoScratchServerError if there is no PostgreSQL of that major version; RetryableError if it does not start
 */
export async function startScratchServer(options: ScratchServerOptions): Promise<ScratchServer> {
  const { folder, major, memoryBytes, extensions = [], host, signal } = options;
  const clients = host === undefined ? await chooseScratchPrograms(major) : chooseClients(await findClients(), major);
  const confinement = await confine();
  const running =
    host === undefined
      ? await startScratchProcess({ folder, isOpen: false, clients, memoryBytes, extensions, signal })
      : await askForScratchProcess(host.folder, { major, memoryBytes, diskBytes: host.diskBytes, extensions }, signal);
  const env = (database: string): Record<string, string> => ({
    ...bareEnvironment(),
    HOME: folder,
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    PGHOST: running.socketFolder,
    PGPORT: SCRATCH_PORT,
    PGUSER: SCRATCH_USER,
    PGDATABASE: database,
    PGSSLMODE: 'disable',
    PGGSSENCMODE: 'disable',
    // This file does not exist; libpq must not read the one of our user.
    PGPASSFILE: join(folder, 'pgpass'),
    PGCONNECT_TIMEOUT: '15',
    PGAPPNAME: 'pgstow',
    PGCLIENTENCODING: 'UTF8',
  });
  const query = (database: string, sql: string): Promise<string> => runSql(clients, env(database), sql, signal);
  const notes = [...running.notes];
  if (!running.isOffline)
    notes.push('the scratch server had the network of this host, because this machine cannot cut it off');
  let isOtherLocale = false;
  return {
    clients,
    version: running.version,
    notes,
    get isOtherLocale() {
      return isOtherLocale;
    },
    signal: running.signal,
    env,
    runAs: confinement.commandLine([], 'TERM'),
    query,
    createDatabase: async (name) => {
      const lacking = await createDatabase(name, options, (sql) => query('postgres', sql));
      if (lacking === undefined) return;
      isOtherLocale = true;
      notes.push(`this machine has ${lacking}`);
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}

async function runSql(
  { folder }: Clients,
  env: Readonly<Record<string, string>>,
  sql: string,
  signal: AbortSignal,
): Promise<string> {
  const options = ['--set', 'ON_ERROR_STOP=1', '--file', '-', '--field-separator=\t'];
  const command = [join(folder, 'psql'), ...ROWS_ALONE, ...options];
  const { stdout, stderr, failed } = await runProgram(command, { env, input: sql }, signal);
  if (failed) throw new RetryableError(`the scratch server refused a statement: ${stderr.trim()}`);
  return stdout;
}
