import { createHash } from 'node:crypto';
import { quoteIdentifier, quoteLiteral } from '@pgstow/postgres/client/sql-quote.ts';
import { extensionsOf, listMissingExtensions } from '@pgstow/postgres/restore/missing-extensions.ts';
import { SCRATCH_DATABASE } from '@pgstow/scratch/scratch-process.ts';
import type { ScratchServer } from '@pgstow/scratch/scratch-server.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';

/**
 * Gives the server what a dump takes for granted: an empty database, tablespaces, and roles, without a login.
 *
 * @returns the database
 * @throws PermanentError if the server lacks an extension of the source
 */
export async function prepareServer(
  server: ScratchServer,
  manifest: Manifest,
  roles: readonly string[],
): Promise<string> {
  const wanted = extensionsOf(manifest);
  const missing = (await server.query('postgres', listMissingExtensions(wanted)))
    .split('\n')
    .filter((line) => line !== '');
  if (missing.length > 0) {
    const [what, it] = missing.length === 1 ? ['extension', 'it'] : ['extensions', 'them'];
    throw new PermanentError(`the scratch server lacks the ${what} ${missing.join(', ')}`, {
      hint: `Install ${it} for PostgreSQL ${server.clients.major} where the verify worker runs; in compose, name an image that has ${it}: SCRATCH_IMAGE.`,
    });
  }
  for (const role of roles) await createRole(server, role);
  for (const tablespace of manifest.needs?.tablespaces ?? []) await createTablespace(server, tablespace);
  await server.createDatabase(SCRATCH_DATABASE);
  return SCRATCH_DATABASE;
}

/**
 * Creates a role unless the server has it. It is a superuser: a dump does not say what the role may do at the source, and some
 * of what it owns (an event trigger, a foreign-data wrapper) may belong to a superuser alone.
 */
async function createRole(server: ScratchServer, role: string): Promise<void> {
  await server.query(
    'postgres',
    `select count(*) = 0 as missing from pg_roles where rolname = ${quoteLiteral(role)} \\gset
\\if :missing
create role ${quoteIdentifier(role)} superuser nologin;
\\endif`,
  );
}

/** Makes a tablespace in the server's own folder, which is where the server's programs start. */
async function createTablespace(server: ScratchServer, tablespace: string): Promise<void> {
  const folder = `pgstow_${createHash('sha256').update(tablespace).digest('hex')}`;
  await server.query(
    'postgres',
    `copy (select) to program 'mkdir ${folder}';
select current_setting('data_directory') || '/${folder}' as folder \\gset
create tablespace ${quoteIdentifier(tablespace)} location :'folder';`,
  );
}
