import type { Clients } from '@pgstow/postgres/client/client-version.ts';
import { StatementError } from '@pgstow/postgres/client/psql-session.ts';
import { quoteIdentifier } from '@pgstow/postgres/client/sql-quote.ts';
import { localeOptions, type DatabaseLocale } from '@pgstow/postgres/facts/database-locale.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { exitCodes, ExitError } from '../exit-codes.ts';
import type { RestoreTarget } from './restore-target.ts';
import { openMaintenance } from './target-facts.ts';

const LOCALE_FAULTS = new Set(['42809', '22023', '42601', '0A000']);

/**
 * Creates the target from template0, with the encoding and the locale of the source where they are known. A server that
 * does not have that locale gets `C` in its place, with a warning: texts sort otherwise, and nothing is lost.
 *
 * @throws ExitError if it cannot be created
 */
export async function createDatabase(
  target: RestoreTarget,
  source: DatabaseLocale | undefined,
  clients: Clients,
  signal: AbortSignal,
): Promise<void> {
  await using session = await openMaintenance(target, clients, signal);
  const create = (locale: DatabaseLocale | undefined) =>
    session.run(
      `create database ${quoteIdentifier(target.database)} template template0${locale === undefined ? '' : ` ${localeOptions(locale)}`}`,
    );
  try {
    await create(source).catch(async (error: unknown) => {
      // Wrong object type: an invalid locale name. Invalid parameter: a name that does not fit the encoding. Syntax error and
      // feature not supported: a server that knows no other provider than libc.
      const isLocale = error instanceof StatementError && LOCALE_FAULTS.has(error.sqlState);
      if (source === undefined || !isLocale) throw error;
      const { encoding, collate, ctype, localeProvider } = source;
      if (localeProvider === 'libc' && error.sqlState === '42601') await create({ encoding, collate, ctype });
      else {
        console.error(`pgstow: warning: ${describeError(error)}; the locale C is taken instead`);
        await create({ encoding, collate: 'C', ctype: 'C' });
      }
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
    await session.run(`drop database if exists ${name} with (force)`);
  } catch (error) {
    console.error(`pgstow: warning: cannot drop ${target.title}, which was created: ${describeError(error)}`);
  }
}
