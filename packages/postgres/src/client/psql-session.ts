import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { z } from 'zod';
import { boundToUs } from './bound-to-us.ts';
import type { Clients } from './client-version.ts';
import { DAMAGED, hintOfDamage } from './damaged-source.ts';
import { inEnglish } from './in-english.ts';
import { postgresError } from './postgres-error.ts';
import { keepTail } from './program-end.ts';
import { ROWS_ALONE } from './psql-options.ts';
import { retryWhileCrowded } from './retry-while-crowded.ts';
import { startProgram } from './run-program.ts';

/** A statement failed; the session goes on, and so does its transaction. */
export class StatementError extends RetryableError {
  override readonly name = 'StatementError';
  /** Five characters. Source: https://www.postgresql.org/docs/current/errcodes-appendix.html */
  readonly sqlState: string;

  constructor(message: string, sqlState: string) {
    super(message, DAMAGED.test(inEnglish(`:  ${message}`)) ? { hint: hintOfDamage() } : {});
    this.sqlState = sqlState;
  }
}

/** Characters of one answer: far more than a description of all objects takes, far less than memory. */
const LONGEST_LINE = 64 * 1024 ** 2;
/** Characters of all lines of one answer. */
const LONGEST_ANSWER = 4 * LONGEST_LINE;

type Waiting = {
  /** Schema of each row; without one, rows are ignored. */
  readonly schema: z.ZodType | undefined;
  readonly rows: unknown[];
  characters: number;
  /** Lines of the last error's message, once all rows have arrived. */
  message?: string[];
  readonly resolve: (rows: unknown[]) => void;
  readonly reject: (error: unknown) => void;
};

export type SessionOptions = {
  /** Command before psql, as of another user. */
  readonly prefix?: readonly string[];
  /** Refuses the connection before the session sets anything on it. */
  readonly assert?: (session: PsqlSession) => Promise<void>;
};

/**
 * One connection that outlasts a statement, through psql: the same client library, settings and password files as
 * pg_dump. Disposing ends the session and a running statement; the server rolls back what was not committed.
 */
export class PsqlSession implements AsyncDisposable {
  readonly #psql: ReturnType<typeof startPsql>;
  readonly database: string;
  readonly #waiting: Waiting[] = [];
  /** A line that no answer of a server holds. */
  readonly #mark = `pgstow-${randomBytes(8).toString('hex')}`;
  /** The beginning of a line whose rest has not arrived yet. */
  #line = '';
  #isOpen = false;
  #fault: unknown;

  /**
   * @param env see `libpqEnvironment`; `PGDATABASE` says where to
   * @throws PermanentError | RetryableError with a hint, if the server refuses the connection; as `assert` does
   */
  static async start(
    clients: Clients,
    env: Readonly<Record<string, string>>,
    signal: AbortSignal,
    options: SessionOptions = {},
  ): Promise<PsqlSession> {
    return await retryWhileCrowded(() => PsqlSession.#open(clients, env, signal, options), signal);
  }

  static async #open(
    clients: Clients,
    env: Readonly<Record<string, string>>,
    signal: AbortSignal,
    { prefix = [], assert = async () => undefined }: SessionOptions,
  ): Promise<PsqlSession> {
    const psql = join(clients.folder, 'psql');
    // psql has the server cancel the running statement when it gets SIGINT.
    const session = new PsqlSession(
      startPsql(await boundToUs([...prefix, psql], 'INT'), { ...env, PGSTOW_PSQL: psql }),
      env['PGDATABASE'] ?? '',
    );
    const end = (): void => void session[Symbol.asyncDispose]();
    signal.addEventListener('abort', end, { once: true });
    void session.#psql.finally(() => signal.removeEventListener('abort', end));
    try {
      signal.throwIfAborted();
      await assert(session);
      await Promise.all([
        // Time limits that are set for a role or a database must not end this session.
        session.run(
          `select to_jsonb(set_config(name, '0', false)) from pg_settings where name in
           ('statement_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')`,
        ),
        session.run("set search_path = ''"),
        // Names must be the same whatever a database has set.
        session.run('set quote_all_identifiers = off'),
        // Compiling the queries that describe a schema takes ten times as long as running them.
        session.run('set jit = off'),
        // A superuser may have the server's words in English.
        session.run(
          `select to_jsonb(set_config('lc_messages', 'C', false)) where current_setting('is_superuser') = 'on'`,
        ),
        // A database in SQL_ASCII holds bytes of any encoding, which the server refuses to call UTF-8.
        session.run(
          `select to_jsonb(set_config('client_encoding', 'SQL_ASCII', false)) where current_setting('server_encoding') = 'SQL_ASCII'`,
        ),
      ]);
      session.#isOpen = true;
      return session;
    } catch (error) {
      await session[Symbol.asyncDispose]();
      signal.throwIfAborted();
      throw error;
    }
  }

  private constructor(psql: ReturnType<typeof startPsql>, database: string) {
    this.#psql = psql;
    this.database = database;
    psql.stdout.setEncoding('utf8').on('data', (text: string) => {
      // Node's readline would end a line at U+2028. The received part of a long line is not searched again.
      const [end = '', ...more] = text.split('\n');
      this.#line += end;
      const lines = more.length === 0 ? [] : [this.#line, ...more];
      if (lines.length > 0) this.#line = lines.pop() ?? '';
      // A server that runs foreign code may answer anything: that may end the session, but not this process.
      try {
        for (const line of lines) this.#take(line);
        if (this.#line.length > LONGEST_LINE) throw new RangeError('a line without an end');
      } catch (cause) {
        this.#giveUp(cause);
      }
    });
    const said = keepTail(psql.stderr);
    // A psql that has ended takes no more input; its end is handled below.
    psql.stdin.on('error', () => undefined);
    void psql.finally(() => {
      const title = `database ${JSON.stringify(database)}`;
      const message = this.#isOpen ? `the connection to ${title} ended` : `cannot reach ${title}`;
      this.#fault ??= postgresError(message, said());
      for (const { reject } of this.#waiting.splice(0)) reject(this.#fault);
    });
  }

  /**
   * Runs one statement. Each row must be one column of type `jsonb`, and is returned as a value.
   *
   * @param schema of each row: an answer that does not fit ends the session
   * @param guard `on` sets a savepoint first, so that a failure undoes this statement alone; `off` is for statements that no
   * subtransaction may run
   * @throws StatementError if the server refuses it; as `start` does if the connection is gone
   */
  async query<Row>(sql: string, schema: z.ZodType<Row>, guard: 'on' | 'off' = 'on'): Promise<readonly Row[]> {
    return (await this.#ask(sql, schema, guard)) as Row[];
  }

  /** Runs a statement that has one row. @throws RetryableError if it has another number of them */
  async queryRow<Row>(sql: string, schema: z.ZodType<Row>, guard: 'on' | 'off' = 'on'): Promise<Row> {
    const [row, ...more] = await this.query(sql, schema, guard);
    if (row !== undefined && more.length === 0) return row;
    const count = row === undefined ? 'no row' : `${more.length + 1} rows`;
    throw new RetryableError(`database ${JSON.stringify(this.database)} answered ${count} where there is one`);
  }

  /** Runs a statement, and ignores its rows. */
  async run(sql: string, guard: 'on' | 'off' = 'on'): Promise<void> {
    await this.#ask(sql, undefined, guard);
  }

  async #ask(sql: string, schema: z.ZodType | undefined, guard: 'on' | 'off'): Promise<unknown[]> {
    if (this.#fault !== undefined) throw this.#fault;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ schema, rows: [], characters: 0, resolve, reject });
      this.#psql.stdin.write(
        `\\set ON_ERROR_ROLLBACK ${guard}\n${sql}\n;\n\\echo ${this.#mark}\n\\echo :LAST_ERROR_MESSAGE\n\\echo ${this.#mark} :ERROR :SQLSTATE\n`,
      );
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fault ??= new RetryableError(`the session with database ${JSON.stringify(this.database)} was ended`);
    this.#psql.stdin.end();
    // psql has the server cancel the running statement.
    if (this.#waiting.length > 0) this.#psql.kill('SIGINT');
    const harder = [
      setTimeout(() => this.#psql.kill('SIGTERM'), 5000),
      setTimeout(() => this.#psql.kill('SIGKILL'), 10_000),
    ];
    await this.#psql;
    harder.forEach(clearTimeout);
  }

  #giveUp(cause: unknown): void {
    this.#line = '';
    this.#fault ??= new RetryableError(
      `database ${JSON.stringify(this.database)} answered what is no row of ours: ${describe(cause).slice(0, 200)}`,
      { cause },
    );
    for (const { reject } of this.#waiting.splice(0)) reject(this.#fault);
    this.#psql.stdout.destroy();
    this.#psql.kill('SIGTERM');
  }

  /**
   * Takes a line of an answer: its rows, the mark, the lines of the last error's message, and the mark again with whether
   * this statement failed.
   */
  #take(line: string): void {
    const [waiting] = this.#waiting;
    if (waiting === undefined) return;
    waiting.characters += line.length;
    if (waiting.characters > LONGEST_ANSWER) throw new RangeError('an answer without an end');
    if (line === this.#mark) waiting.message = [];
    else if (waiting.message === undefined) waiting.rows.push(...readRow(line, waiting.schema));
    else if (!line.startsWith(this.#mark)) waiting.message.push(line);
    else {
      this.#waiting.shift();
      const [, isError, sqlState = ''] = line.split(' ');
      if (isError === 'true') waiting.reject(new StatementError(waiting.message.join('\n'), sqlState));
      else waiting.resolve(waiting.rows);
    }
  }
}

function readRow(line: string, schema: z.ZodType | undefined): readonly unknown[] {
  return schema === undefined ? [] : [schema.parse(JSON.parse(line))];
}

function describe(cause: unknown): string {
  return cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
}

function startPsql(psql: readonly string[], env: Readonly<Record<string, string>>) {
  return startProgram([...psql, ...ROWS_ALONE], {
    env: { ...env, PGCLIENTENCODING: 'UTF8' },
    stdin: 'pipe',
    buffer: false,
  });
}
