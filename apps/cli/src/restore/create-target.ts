import type { Clients } from '@pgstow/postgres/client/client-version.ts';
import { quoteIdentifier } from '@pgstow/postgres/client/sql-quote.ts';
import { createDatabase } from '@pgstow/postgres/facts/create-database.ts';
import type { DatabaseLocale } from '@pgstow/postgres/facts/database-locale.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { failure } from '../exit-codes.ts';
import { warn } from '../format/warn.ts';
import type { RestoreTarget } from './restore-target.ts';
import { openMaintenance } from './target-facts.ts';

/**
 * Creates the target like the source, with a warning where the server lacks the source's locale.
 *
 * @throws ExitError if it cannot be created
 */
export async function createTarget(
  target: RestoreTarget,
  source: DatabaseLocale | undefined,
  clients: Clients,
  signal: AbortSignal,
): Promise<void> {
  await using session = await openMaintenance(target, clients, signal);
  try {
    const lacking = await createDatabase(target.database, source, (sql) => session.run(sql));
    if (lacking !== undefined) warn(`${target.host} has ${lacking}`);
  } catch (error) {
    signal.throwIfAborted();
    throw failure(
      `cannot create the database ${target.title}: ${describeError(error)}`,
      'Restore as a role with CREATEDB, or have it created: CREATE DATABASE ... TEMPLATE template0.',
    );
  }
}

/** Drops a target that was created for a restore that failed. It is not interrupted, and its own failure is a warning alone. */
export async function dropTarget(target: RestoreTarget, clients: Clients): Promise<void> {
  const name = quoteIdentifier(target.database);
  try {
    await using session = await openMaintenance(target, clients, new AbortController().signal);
    // The server may not have noticed yet that a connection was lost.
    await session.run(`drop database if exists ${name} with (force)`);
  } catch (error) {
    warn(`cannot drop ${target.title}, which was created: ${describeError(error)}`);
  }
}
