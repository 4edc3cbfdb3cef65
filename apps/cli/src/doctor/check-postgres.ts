import { chooseClients, findClients, newestClients, type Clients } from '@pgstow/postgres/client-version.ts';
import { dumpRole, limitingOptions } from '@pgstow/postgres/dump-options.ts';
import { libpqEnvironment } from '@pgstow/postgres/libpq-environment.ts';
import { PsqlSession } from '@pgstow/postgres/psql-session.ts';
import { judgePsql } from '@pgstow/postgres/psql-version-policy.ts';
import { readDumpRights } from '@pgstow/postgres/read-dump-rights.ts';
import { quoteIdentifier } from '@pgstow/postgres/sql-quote.ts';
import { DelayedDumpError, trySchemaDump } from '@pgstow/postgres/try-schema-dump.ts';
import type { PostgresConfig } from '@pgstow/shared/config/postgres.ts';
import prettyBytes from 'pretty-bytes';
import { defineCheck, type Finding } from './check.ts';
import { clockFinding } from './clock-finding.ts';
import { sourceTimeoutMs } from './facts.ts';
import { rightsFindings } from './rights-findings.ts';
import { findingOf } from './run-check.ts';
import { readConnectionFacts, readServerAbout, type ServerAbout } from './server-about.ts';

/** The databases are looked at one after the other: a role may be allowed only a few connections. */
export const checkPostgres = defineCheck({
  name: 'postgres.server',
  needs: ['postgres'],
  timeoutMs: ({ postgres }) => sourceTimeoutMs(postgres),
  async *run({ postgres }, facts, signal) {
    const installed = await findClients();
    const [newest] = installed;
    if (newest === undefined) {
      yield findingOf('postgres.clients', missingClients());
      return;
    }
    const connect = (database: string): Promise<PsqlSession> =>
      PsqlSession.start(newest, libpqEnvironment(postgres, database, 'pgstow doctor'), signal);

    const about = await askServer(postgres, connect, signal);
    if (about instanceof Error) {
      yield findingOf('postgres.server', about);
      return;
    }
    yield {
      check: 'postgres.server',
      status: 'ok',
      message: `PostgreSQL ${about.version} at ${postgres.host}, port ${postgres.port}, lets ${postgres.user} in ${about.isEncrypted ? 'over TLS' : 'without TLS'}`,
    };
    yield clockFinding('postgres.clock', "the database server's clock", about.skewMs);
    const clients = yield* judgeClients(installed, about);
    const sizes = new Map<string, number>();
    for (const database of postgres.databases) {
      signal.throwIfAborted();
      yield* checkDatabase(database, { postgres, about, clients, connect, sizes, signal });
    }
    facts.tellSource({ major: about.major, databaseBytes: sizes });
  },
});

function missingClients(): unknown {
  try {
    return newestClients([]);
  } catch (error) {
    return error;
  }
}

/** From the first database that lets us in: where one of several is missing, that is the database's fault and not the server's. */
async function askServer(
  { databases }: PostgresConfig,
  connect: (database: string) => Promise<PsqlSession>,
  signal: AbortSignal,
): Promise<ServerAbout | Error> {
  let fault: unknown;
  for (const database of new Set([...databases.slice(0, 3), 'postgres', 'template1'])) {
    try {
      await using session = await connect(database);
      return await readServerAbout(session);
    } catch (error) {
      signal.throwIfAborted();
      fault ??= error;
      if (!mayBeOfOneDatabase(error)) break;
    }
  }
  return fault as Error;
}

/** A server that is away or refuses the password does so for every database. Some say why in a language of their own. */
function mayBeOfOneDatabase(error: unknown): boolean {
  const { hint } = error as { hint?: string };
  return hint === undefined || /POSTGRES_DB|pg_hba/.test(hint);
}

function* judgeClients(installed: readonly Clients[], { major }: ServerAbout): Generator<Finding, Clients | undefined> {
  let clients: Clients;
  try {
    clients = chooseClients(installed, major);
  } catch (error) {
    yield findingOf('postgres.clients', error);
    return undefined;
  }
  const { version, folder } = clients;
  yield clients.major === major
    ? { check: 'postgres.clients', status: 'ok', message: `pg_dump ${version} in ${folder} is of the server's version` }
    : {
        check: 'postgres.clients',
        status: 'warning',
        message: `pg_dump ${version} in ${folder} is newer than the server, ${major}: its dumps may hold settings that a server ${major} does not know`,
        hint: `Install pg_dump ${major} as well, for instance the package postgresql-client-${major}.`,
      };
  const { warning } = judgePsql(version);
  yield warning === undefined
    ? { check: 'postgres.psql', status: 'ok', message: `psql ${version} has no fault that is known to pgstow` }
    : {
        check: 'postgres.psql',
        status: 'warning',
        message: warning.replace(/\.$/, ''),
        hint: 'Update the PostgreSQL client programs; they are what restores a dump.',
      };
  return clients;
}

type DatabaseContext = {
  readonly postgres: PostgresConfig;
  readonly about: ServerAbout;
  readonly clients: Clients | undefined;
  readonly connect: (database: string) => Promise<PsqlSession>;
  readonly sizes: Map<string, number>;
  readonly signal: AbortSignal;
};

async function* checkDatabase(subject: string, context: DatabaseContext): AsyncGenerator<Finding> {
  const { postgres, about, clients, connect, sizes, signal } = context;
  const found: Finding[] = [];
  try {
    await using session = await connect(subject);
    const facts = await readConnectionFacts(session);
    sizes.set(subject, facts.bytes);
    yield {
      check: 'postgres.database',
      subject,
      status: 'ok',
      message: `${prettyBytes(facts.bytes)}, encoding ${facts.encoding}, collation ${facts.collate}`,
    };
    if (facts.encoding === 'SQL_ASCII') {
      yield {
        check: 'postgres.encoding',
        subject,
        status: 'warning',
        message: 'encoding SQL_ASCII says nothing of its texts: they are dumped byte by byte, whatever they are',
        hint: 'Restore it into a database of the encoding SQL_ASCII alone, or convert it.',
      };
    }
    yield judgeConnections(subject, facts);
    // What may be read is asked for as the role that pg_dump takes on.
    const role = dumpRole(postgres.extraOptions);
    if (role !== undefined) await session.query(`set role ${quoteIdentifier(role)}`);
    const rights = await readDumpRights(session, about.major);
    found.push(
      ...rightsFindings(subject, rights, {
        isStandby: about.isStandby,
        isLimited: limitingOptions(postgres.extraOptions).length > 0,
      }),
    );
    yield* found;
  } catch (error) {
    signal.throwIfAborted();
    yield findingOf('postgres.database', error, subject);
    return;
  }
  // It would fail by the same rights.
  if (clients === undefined || found.some(({ status }) => status === 'fault')) return;
  try {
    const env = libpqEnvironment(postgres, subject, 'pgstow doctor');
    if (!(await trySchemaDump({ clients, database: subject, env, extraOptions: postgres.extraOptions, signal })))
      return;
    yield { check: 'postgres.dump', subject, status: 'ok', message: 'pg_dump writes its schema' };
  } catch (error) {
    signal.throwIfAborted();
    const finding = findingOf('postgres.dump', error, subject);
    yield error instanceof DelayedDumpError ? { ...finding, status: 'warning' } : finding;
  }
}

/** For a dump and, beside it, for what counts its rows in the same snapshot. */
const CONNECTIONS_NEEDED = 2;

function judgeConnections(
  subject: string,
  {
    role,
    isSuperuser,
    roleLimit,
    databaseLimit,
    roleUsed,
    databaseUsed,
  }: Awaited<ReturnType<typeof readConnectionFacts>>,
): Finding {
  const check = 'postgres.connections';
  const limits = [
    { limit: roleLimit, used: roleUsed, of: `role ${role}`, mend: `ALTER ROLE ${quoteIdentifier(role)}` },
    { limit: databaseLimit, used: databaseUsed, of: 'database', mend: `ALTER DATABASE ${quoteIdentifier(subject)}` },
  ].filter(({ limit }) => limit >= 0 && !isSuperuser);
  const small = limits.find(({ limit }) => limit < CONNECTIONS_NEEDED);
  if (small !== undefined) {
    const message = `the ${small.of} may have ${small.limit} connection${small.limit === 1 ? '' : 's'} at a time, and a dump needs ${CONNECTIONS_NEEDED}`;
    return { check, subject, status: 'fault', message, hint: `${small.mend} CONNECTION LIMIT 5;` };
  }
  const busy = limits.find(({ limit, used }) => limit - used < CONNECTIONS_NEEDED);
  if (busy !== undefined) {
    const message = `of the ${busy.limit} connections that the ${busy.of} may have, ${busy.used} are in use now, and a dump needs ${CONNECTIONS_NEEDED}`;
    return { check, subject, status: 'warning', message, hint: `${busy.mend} CONNECTION LIMIT ${busy.limit + 5};` };
  }
  const message =
    limits.length === 0 ? 'no limit of its own for connections' : 'enough connections are allowed for a dump';
  return { check, subject, status: 'ok', message };
}
