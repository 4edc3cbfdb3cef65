import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { Clients } from '@pgstow/postgres/client-version.ts';
import { StatementError } from '@pgstow/postgres/psql-session.ts';
import { quoteIdentifier, quoteLiteral } from '@pgstow/postgres/sql-quote.ts';
import { exitCodes, ExitError } from './exit-codes.ts';
import type { RestoreTarget } from './restore-target.ts';
import { openMaintenance } from './target-facts.ts';

type Locale = Pick<DatabaseFacts, 'encoding' | 'collate' | 'ctype'>;

/**
 * Creates the target from template0, with the encoding and the locale of the source where they are known. A server that
 * does not have that locale gets `C` in its place, with a warning: texts sort otherwise, and nothing is lost.
 *
 * @throws ExitError if it cannot be created
 */
export async function createDatabase(
  target: RestoreTarget,
  source: Locale | undefined,
  clients: Clients,
  signal: AbortSignal,
): Promise<void> {
  await using session = await openMaintenance(target, clients, signal);
  const create = (locale: Locale | undefined) =>
    session.query(`create database ${quoteIdentifier(target.database)} template template0${describe(locale)}`);
  try {
    await create(source).catch(async (error: unknown) => {
      // Wrong object type: an invalid locale name. Invalid parameter: a name that does not fit the encoding.
      const isLocale = error instanceof StatementError && ['42809', '22023'].includes(error.sqlState);
      if (source === undefined || !isLocale) throw error;
      console.error(`pgstow: warning: ${describeError(error)}; the locale C is taken instead`);
      await create({ ...source, collate: 'C', ctype: 'C' });
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new ExitError(
      exitCodes.failed,
      `cannot create the database ${target.title}: ${describeError(error)}`,
      'Restore as a role with CREATEDB, or have somebody create it: CREATE DATABASE ... TEMPLATE template0.',
    );
  }
}

/** Takes back a creation. It is not interrupted, and a failure is told and hides none that came before. */
export async function dropDatabase(target: RestoreTarget, clients: Clients): Promise<void> {
  const name = quoteIdentifier(target.database);
  try {
    await using session = await openMaintenance(target, clients, new AbortController().signal);
    // Of a connection that was just lost, the server may not know yet.
    await session.query(`drop database if exists ${name} with (force)`);
  } catch (error) {
    console.error(`pgstow: warning: cannot drop ${target.title}, which was created: ${describeError(error)}`);
  }
}

function describe(locale: Locale | undefined): string {
  if (locale === undefined) return '';
  const { encoding, collate, ctype } = locale;
  return ` encoding ${quoteLiteral(encoding)} lc_collate ${quoteLiteral(collate)} lc_ctype ${quoteLiteral(ctype)}`;
}
