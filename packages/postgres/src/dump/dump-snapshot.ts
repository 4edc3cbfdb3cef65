import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import { z } from 'zod';
import type { PsqlSession } from '../client/psql-session.ts';
import { quoteIdentifier } from '../client/sql-quote.ts';
import type { Counting } from '../facts/count-rows.ts';
import { readDatabaseFacts, readSequences } from '../facts/database-facts.ts';
import { dumpRole, limitingOptions } from './dump-options.ts';

export type SnapshotOptions = {
  /** Options of pg_dump. */
  readonly extraOptions: readonly string[];
  readonly counting: Counting;
};

/** A snapshot that a dump may be taken of, held until it is disposed. */
export type DumpSnapshot = AsyncDisposable & {
  /** Value of pg_dump's `--snapshot`. */
  readonly id: string;
  /** Reads the source's facts in this snapshot. Call it as the dump begins. @param dumped ends when the dump does */
  readFacts(dumped: Promise<unknown>): Promise<DatabaseFacts>;
};

/** Limit of one statement, be it the count of a large table. */
const STATEMENT_LIMIT = '10min';
/** Limit for a locked sequence or table: neither the dump nor its record may wait for it. */
const LOCK_LIMIT = '10s';

/**
 * Opens a snapshot in a session, and holds it; ends the session with it, or if it fails. pg_dump, which takes its own as the first thing it does, takes this one
 * instead.
 * Source: https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION
 *
 * @throws StatementError | PermanentError | RetryableError
 */
export async function openSnapshot(
  session: PsqlSession,
  { extraOptions, counting }: SnapshotOptions,
): Promise<DumpSnapshot> {
  await using stack = new AsyncDisposableStack();
  stack.use(session);
  const role = dumpRole(extraOptions);
  if (role !== undefined) await session.run(`set role ${quoteIdentifier(role)}`);
  // As pg_dump does: rather fail than see a part of the rows.
  await session.run('set row_security = off');
  await session.run(`set statement_timeout = '${STATEMENT_LIMIT}'`);
  // The source's own users want its other processors; and with them, a count takes more work in all.
  await session.run('set max_parallel_workers_per_gather = 0');
  await session.run(`set lock_timeout = '${LOCK_LIMIT}'`);
  // They belong to no snapshot; and the sooner pg_dump comes, the less can be dropped before it has its locks.
  const before = await readSequences(session);
  // pg_dump leaves the choice to whose snapshot it takes.
  const level = extraOptions.includes('--serializable-deferrable')
    ? 'serializable, read only, deferrable'
    : 'repeatable read, read only';
  await session.run(`begin transaction isolation level ${level}`);
  const id = await session.queryRow('select to_jsonb(pg_export_snapshot())', z.string(), 'off');
  const limitedBy = limitingOptions(extraOptions).join(' ');
  const owned = stack.move();
  return {
    id,
    readFacts: async (dumped) => ({
      ...(await readDatabaseFacts(session, counting, before, dumped)),
      ...(limitedBy === '' ? {} : { limitedBy }),
    }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
