import { assertUnpooled } from '@pgstow/postgres/client/assert-unpooled.ts';
import { findClients, newestClients, type Clients } from '@pgstow/postgres/client/client-version.ts';
import { libpqEnvironment } from '@pgstow/postgres/client/libpq-environment.ts';
import { openAnyDatabase } from '@pgstow/postgres/client/open-any-database.ts';
import { PsqlSession } from '@pgstow/postgres/client/psql-session.ts';
import { quoteIdentifier } from '@pgstow/postgres/client/sql-quote.ts';
import { dumpRole, limitingOptions } from '@pgstow/postgres/dump/dump-options.ts';
import { readDumpRights } from '@pgstow/postgres/dump/read-dump-rights.ts';
import { DelayedDumpError, trySchemaDump } from '@pgstow/postgres/dump/try-schema-dump.ts';
import { listDatabases } from '@pgstow/postgres/facts/list-databases.ts';
import { readServerFacts } from '@pgstow/postgres/facts/server-facts.ts';
import type { PostgresConfig } from '@pgstow/shared/config/subjects/postgres.ts';
import { isAsked } from '@pgstow/shared/config/targets-of.ts';
import { formatAddress, type SourceIdentity } from '@pgstow/shared/contract/source-identity.ts';
import prettyBytes from 'pretty-bytes';
import { findingOf, defineCheck, type Finding } from '../check.ts';
import { MOST_FOUND, sourceTimeoutMs } from '../facts.ts';
import { judgeClock } from '../judge-clock.ts';
import { checkGlobals } from './check-globals.ts';
import { judgeClients } from './judge-clients.ts';
import { judgeConnections } from './judge-connections.ts';
import { judgeRights } from './judge-rights.ts';
import { readConnectionFacts, readSessionFacts, type SessionFacts } from './session-facts.ts';

/** Checks server and databases, one after the other: a role may be allowed only a few connections. */
export const checkPostgres = defineCheck({
  name: 'postgres.server',
  needs: ['postgres'],
  timeoutMs: ({ postgres }) => sourceTimeoutMs(postgres),
  async *run({ postgres }, facts, signal) {
    const installed = await findClients();
    let newest: Clients;
    try {
      newest = newestClients(installed);
    } catch (error) {
      yield findingOf('postgres.clients').failed(error);
      return;
    }
    const connect = (database: string): Promise<PsqlSession> => {
      const env = libpqEnvironment(postgres, database, 'pgstow doctor');
      return PsqlSession.start(newest, env, signal, { assert: assertUnpooled });
    };

    const server = await askServer(postgres, connect, signal);
    const databases = server instanceof Error ? postgres.databases : yield* findDatabases(postgres, connect, signal);
    if (server instanceof Error) {
      yield findingOf('postgres.server').failed(server);
      return;
    }
    yield findingOf('postgres.server').ok(
      `PostgreSQL ${server.version} at ${postgres.host}, port ${postgres.port}, lets ${postgres.user} in ${server.isEncrypted ? 'over TLS' : 'without TLS'}`,
    );
    yield judgeClock('postgres.clock', "the database server's clock", server.skewMs);
    const clients = yield* judgeClients(installed, server.major);
    yield* checkGlobals(postgres, { clients, major: server.major }, connect, signal);
    const sizes = new Map<string, number>();
    const extensions = new Map<string, readonly string[]>();
    const identities = new Map<string, SourceIdentity>();
    const lookedAt = postgres.patterns.length === 0 ? databases : databases.slice(0, MOST_FOUND);
    for (const database of lookedAt) {
      signal.throwIfAborted();
      yield* checkDatabase(database, { postgres, server, clients, connect, sizes, extensions, identities, signal });
    }
    if (databases.length > lookedAt.length)
      yield findingOf('postgres.databases').skipped(
        `the first ${lookedAt.length} of ${databases.length} databases were looked at, by name`,
      );
    facts.setSource({ major: server.major, databaseBytes: sizes, extensions, identities });
  },
});

/** Asks the server in the first database that lets us in: a missing database is no fault of the server. */
async function askServer(
  { databases }: PostgresConfig,
  connect: (database: string) => Promise<PsqlSession>,
  signal: AbortSignal,
): Promise<SessionFacts | Error> {
  try {
    await using session = await openAnyDatabase(databases, connect, signal);
    return await readSessionFacts(session);
  } catch (error) {
    signal.throwIfAborted();
    return error as Error;
  }
}

/** Finds the databases as the dump worker does, where the settings have patterns. */
async function* findDatabases(
  postgres: PostgresConfig,
  connect: (database: string) => Promise<PsqlSession>,
  signal: AbortSignal,
): AsyncGenerator<Finding, readonly string[]> {
  const { databases, patterns } = postgres;
  if (patterns.length === 0) return databases;
  const { ok, fault, failed } = findingOf('postgres.databases');
  try {
    await using session = await openAnyDatabase(databases, connect, signal);
    const there = (await listDatabases(session)).databases.map(({ database }) => database);
    const asked = there.filter((database) => isAsked(postgres, database));
    const left = there.filter((database) => !asked.includes(database)).map((database) => JSON.stringify(database));
    yield asked.length === 0
      ? fault(
          `none of the server's ${there.length} databases is as ${patterns.join(', ')} says`,
          'Check POSTGRES_DB and POSTGRES_DB_EXCLUDE.',
        )
      : ok(
          `${asked.length} of the server's ${there.length} databases are backed up${left.length === 0 ? '' : `, without ${left.slice(0, 5).join(', ')}${left.length > 5 ? ' and more' : ''}`}`,
        );
    return asked;
  } catch (error) {
    signal.throwIfAborted();
    yield failed(error);
    return databases;
  }
}

type DatabaseContext = {
  readonly postgres: PostgresConfig;
  readonly server: SessionFacts;
  readonly clients: Clients | undefined;
  readonly connect: (database: string) => Promise<PsqlSession>;
  readonly sizes: Map<string, number>;
  readonly extensions: Map<string, readonly string[]>;
  readonly identities: Map<string, SourceIdentity>;
  readonly signal: AbortSignal;
};

async function* checkDatabase(subject: string, context: DatabaseContext): AsyncGenerator<Finding> {
  const { postgres, server, clients, connect, sizes, extensions, identities, signal } = context;
  const found: Finding[] = [];
  try {
    await using session = await connect(subject);
    const facts = await readConnectionFacts(session);
    const { identity, databaseBytes } = await readServerFacts(session);
    sizes.set(subject, databaseBytes);
    extensions.set(subject, facts.extensions);
    identities.set(subject, { ...identity, address: formatAddress(postgres) });
    yield findingOf('postgres.database', subject).ok(
      `${prettyBytes(databaseBytes)}, encoding ${facts.encoding}, collation ${facts.collate}`,
    );
    if (facts.encoding === 'SQL_ASCII')
      yield findingOf('postgres.encoding', subject).warning(
        'encoding SQL_ASCII says nothing of its texts: they are dumped byte by byte, whatever they are',
        'Restore it into a database of the encoding SQL_ASCII alone, or convert it.',
      );
    yield judgeConnections(subject, facts);
    // pg_dump takes on this role: its rights count.
    const role = dumpRole(postgres.extraOptions);
    if (role !== undefined) await session.run(`set role ${quoteIdentifier(role)}`);
    const rights = await readDumpRights(session, server.major);
    found.push(
      ...judgeRights(subject, rights, {
        isStandby: server.isStandby,
        isLimited: limitingOptions(postgres.extraOptions).length > 0,
      }),
    );
    yield* found;
  } catch (error) {
    signal.throwIfAborted();
    yield findingOf('postgres.database', subject).failed(error);
    return;
  }
  // pg_dump would fail for the same rights.
  if (clients === undefined || found.some(({ status }) => status === 'fault')) return;
  const { ok, failed } = findingOf('postgres.dump', subject);
  try {
    const env = libpqEnvironment(postgres, subject, 'pgstow doctor');
    if (!(await trySchemaDump({ clients, database: subject, env, extraOptions: postgres.extraOptions, signal })))
      return;
    yield ok('pg_dump writes its schema');
  } catch (error) {
    signal.throwIfAborted();
    yield error instanceof DelayedDumpError ? { ...failed(error), status: 'warning' } : failed(error);
  }
}
