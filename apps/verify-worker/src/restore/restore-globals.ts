import { randomBytes } from 'node:crypto';
import { LockedError } from '@pgstow/postgres/age/decrypt-age.ts';
import { PsqlSession, StatementError } from '@pgstow/postgres/client/psql-session.ts';
import { quoteIdentifier, quoteLiteral } from '@pgstow/postgres/client/sql-quote.ts';
import { BOOTSTRAP, describeGlobals, isOwnDatabase } from '@pgstow/postgres/facts/describe-globals.ts';
import { makeFinding } from '@pgstow/postgres/facts/make-finding.ts';
import { readServerGlobals } from '@pgstow/postgres/facts/server-globals.ts';
import type { DumpFile } from '@pgstow/postgres/proof/dump-file.ts';
import { parseGlobalsStatement, type GlobalsStatement } from '@pgstow/postgres/restore/parse-globals.ts';
import { readGlobals } from '@pgstow/postgres/restore/read-globals.ts';
import { SCRATCH_USER } from '@pgstow/scratch/scratch-process.ts';
import type { ScratchServer } from '@pgstow/scratch/scratch-server.ts';
import type { Finding } from '@pgstow/shared/contract/finding.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { BadDumpError } from '../bad-dump-error.ts';
import type { Compared } from './compared.ts';
import type { RestoreStep } from './restore-step.ts';
import { withMatchingServer } from './start-matching-server.ts';

/**
 * Runs a dump of globals in a server of its source's version, and compares what is there afterwards with the facts of its manifest:
 * every role, membership, tablespace, database, right and setting.
 *
 * @throws BadDumpError if it is none; anything else says nothing of it
 */
export async function restoreGlobals(step: RestoreStep): Promise<Compared> {
  const { task, wanted } = step;
  const { globals, serverVersion } = wanted.manifest;
  const major = Number.parseInt(serverVersion ?? '', 10);
  if (Number.isNaN(major))
    throw new PermanentError('the manifest does not say which version of PostgreSQL it is of', {
      hint: 'The next dump of globals says it.',
    });
  const statements = (await readStatements(step)).map(parseGlobalsStatement);
  return withMatchingServer(step, { major, extensions: [] }, async (server, signal) => {
    task.note(`running ${statements.length} statements in a scratch server of version ${server.version}`);
    const startedAt = performance.now();
    await using session = await takeOver(server, globals?.facts ?? {}, signal);
    const trial = new Trial(session, major);
    for (const statement of statements) await trial.run(statement);
    const actual = await trial.end();
    const restoreMs = performance.now() - startedAt;
    task.progress(90);
    const findings = [...trial.failures, ...compare(globals?.facts ?? {}, actual, trial.isLeftOut)];
    const notes = [
      ...server.notes,
      ...trial.notes,
      ...(globals === undefined ? ['its manifest does not say what must be there: it was only run'] : []),
      ...(globals?.hasPasswords === false ? ['it holds no passwords of roles'] : []),
    ];
    return {
      findings,
      notes,
      restoreMs,
      tables: 0,
      rows: 0,
      serverVersion: server.version,
      checks: undefined,
      unchecked: [],
    };
  });
}

async function readStatements(file: DumpFile): Promise<readonly string[]> {
  try {
    return await readGlobals(file);
  } catch (error) {
    if (error instanceof PermanentError && !(error instanceof LockedError)) throw new BadDumpError(error.message);
    throw error;
  }
}

/**
 * Gives the role that initdb made the name that it has at the source, because grants name it as their grantor, and opens a session as
 * another superuser.
 */
async function takeOver(
  server: ScratchServer,
  facts: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<PsqlSession> {
  const helper = `pgstow_${randomBytes(8).toString('hex')}`;
  await server.query('postgres', `create role ${helper} superuser login`);
  const env = { ...server.env('postgres'), PGUSER: helper };
  const session = await PsqlSession.start(server.clients, env, signal, { prefix: server.runAs });
  const bootstrap = facts[BOOTSTRAP];
  if (bootstrap !== undefined && bootstrap !== SCRATCH_USER)
    await session.run(`alter role ${quoteIdentifier(SCRATCH_USER)} rename to ${quoteIdentifier(bootstrap)}`);
  return session;
}

/** SQL states of a refused locale; see `createDatabase`. */
const LOCALE_FAULTS = new Set(['42809', '22023', '42601', '0A000']);
const DUPLICATE_OBJECT = '42710';
/** Version of PostgreSQL in which CREATE DATABASE knows of ways to copy. */
const STRATEGIES_SINCE = 15;

/** Runs a dump's statements. Each database is dropped once it has been compared: a thousand of them would take gigabytes. */
class Trial {
  readonly failures: Finding[] = [];
  readonly notes: string[] = [];
  readonly #session: PsqlSession;
  readonly #major: number;
  /** Facts of databases that are dropped again. */
  readonly #compared: Record<string, string> = {};
  readonly #leftOut = new Set<string>();
  #database: string | undefined;

  constructor(session: PsqlSession, major: number) {
    this.#session = session;
    this.#major = major;
  }

  /** Whether nothing can be said of a fact. */
  readonly isLeftOut = (subject: string): boolean =>
    this.#leftOut.has(subject) ||
    [...this.#leftOut].some((each) => subject === `rights on ${each}` || subject === `comment on ${each}`);

  async run(statement: GlobalsStatement): Promise<void> {
    if ('database' in statement && statement.database !== this.#database) await this.#closeDatabase();
    try {
      if (statement.kind === 'create-tablespace') await this.#createTablespace(statement);
      else if (statement.kind === 'create-database') await this.#createDatabase(statement);
      else await this.#session.run(statement.sql, 'off');
      if ('database' in statement) this.#database = statement.database;
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
      this.#judgeFailure(statement, error);
    }
  }

  /** @returns all facts */
  async end(): Promise<Readonly<Record<string, string>>> {
    await this.#closeDatabase();
    return { ...describeGlobals(await readServerGlobals(this.#session, this.#major)), ...this.#compared };
  }

  #judgeFailure(statement: GlobalsStatement, error: StatementError): void {
    // Each server has this role already.
    if (statement.kind === 'create-role' && error.sqlState === DUPLICATE_OBJECT) return;
    if ('tablespace' in statement && this.#leftOut.has(tablespaceFact(statement.tablespace))) return;
    if (/ SET TABLESPACE /.test(statement.sql) && this.#leftOut.size > 0) return;
    const what = statement.sql.split(/ (?:WITH|TO|IS|SET|LOCATION) /)[0] ?? '';
    const difference = `the server refuses ${what.slice(0, 200)}: ${error.message}`;
    this.failures.push(makeFinding(difference, 'globals', what, error.sqlState));
  }

  async #createTablespace({ sql, tablespace }: GlobalsStatement & { readonly tablespace: string }): Promise<void> {
    // Its folder is one of the source's host.
    const inPlace = sql.replace(/ LOCATION (?:[eE])?'(?:[^'\\]|\\.|'')*'/s, " LOCATION ''");
    try {
      await this.#session.run('set allow_in_place_tablespaces = on', 'off');
      await this.#session.run(inPlace, 'off');
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
      this.#leftOut.add(tablespaceFact(tablespace));
      this.notes.push(`the tablespace ${JSON.stringify(tablespace)} was not tried: ${error.message}`);
    }
  }

  async #createDatabase({ sql, database }: GlobalsStatement & { readonly database: string }): Promise<void> {
    // A copy of the files writes no log: that of a thousand databases would take gigabytes.
    const byCopy = this.#major < STRATEGIES_SINCE ? '' : ' strategy file_copy';
    try {
      await this.#session.run(sql + byCopy, 'off');
    } catch (error) {
      if (!(error instanceof StatementError) || !LOCALE_FAULTS.has(error.sqlState)) throw error;
      const encoding = / encoding ( ?E?'[^']*')/.exec(sql)?.[1] ?? quoteLiteral('UTF8');
      const create = `create database ${quoteIdentifier(database)} template template0`;
      await this.#session.run(`${create} encoding ${encoding} lc_collate 'C' lc_ctype 'C'${byCopy}`, 'off');
      this.#leftOut.add(`locale of database ${quoteIdentifier(database)}`);
      this.notes.push(`the locale of database ${JSON.stringify(database)} was not tried: ${error.message}`);
    }
  }

  async #closeDatabase(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    if (database === undefined || isOwnDatabase(database)) return;
    const globals = await readServerGlobals(this.#session, this.#major);
    const theirs = {
      ...globals,
      roles: [],
      memberships: [],
      tablespaces: [],
      parameters: [],
      settings: globals.settings.filter((setting) => setting.database === database),
      databases: globals.databases.filter(({ name }) => name === database),
    };
    Object.assign(this.#compared, describeGlobals(theirs));
    const name = quoteIdentifier(database);
    await this.#session.run(`alter database ${name} is_template false`, 'off');
    await this.#session.run(`drop database ${name}`, 'off');
  }
}

function tablespaceFact(tablespace: string): string {
  return `tablespace ${quoteIdentifier(tablespace)}`;
}

function compare(
  wanted: Readonly<Record<string, string>>,
  actual: Readonly<Record<string, string>>,
  isLeftOut: (subject: string) => boolean,
): readonly Finding[] {
  return Object.entries(wanted).flatMap(([subject, value]) => {
    const found = Object.hasOwn(actual, subject) ? actual[subject] : undefined;
    if (subject === BOOTSTRAP || found === value || isLeftOut(subject)) return [];
    const difference =
      found === undefined ? `${subject} is missing` : `${subject} is ${shorten(found)}, not ${shorten(value)}`;
    return [makeFinding(difference, 'globals', subject, value, found ?? '')];
  });
}

function shorten(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}
