import { join } from 'node:path';
import type { Clients } from '@pgstow/postgres/client/client-version.ts';
import { isExecutable } from '@pgstow/postgres/client/installed-program.ts';
import { openAnyDatabase } from '@pgstow/postgres/client/open-any-database.ts';
import type { PsqlSession } from '@pgstow/postgres/client/psql-session.ts';
import { readServerGlobals } from '@pgstow/postgres/facts/server-globals.ts';
import type { PostgresConfig } from '@pgstow/shared/config/subjects/postgres.ts';
import { z } from 'zod';
import { findingOf, type Finding } from '../check.ts';

/** Checks that the globals can be dumped, where they are to be. */
export async function* checkGlobals(
  { globals, databases }: PostgresConfig,
  { clients, major }: { readonly clients: Clients | undefined; readonly major: number },
  connect: (database: string) => Promise<PsqlSession>,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  if (globals === 'off' || clients === undefined) return;
  const { ok, warning, fault, failed } = findingOf('postgres.globals');
  try {
    if (!(await isExecutable(join(clients.folder, 'pg_dumpall')))) {
      yield fault(
        `there is no pg_dumpall beside pg_dump in ${clients.folder}`,
        "Install PostgreSQL's client programs whole, or set BACKUP_GLOBALS=off.",
      );
      return;
    }
    await using session = await openAnyDatabase(databases, connect, signal);
    const { roles, tablespaces } = await readServerGlobals(session, major);
    const counted = `${roles.length} roles and ${tablespaces.length} tablespaces can be dumped, with rights and settings`;
    const mayReadPasswords = await session.queryRow(
      `select to_jsonb(has_table_privilege('pg_catalog.pg_authid', 'select'))`,
      z.boolean(),
    );
    if (globals === 'on') yield ok(`${counted}, without passwords`);
    else if (mayReadPasswords) yield ok(`${counted}, with passwords`);
    else
      yield warning(
        `${counted}, but not the passwords that BACKUP_GLOBALS=with-passwords asks for`,
        'Dump as a superuser or as a member of pg_read_all_data, or set BACKUP_GLOBALS=on.',
      );
  } catch (error) {
    signal.throwIfAborted();
    yield failed(error);
  }
}
