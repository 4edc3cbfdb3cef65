import { quoteIdentifier } from '@pgstow/postgres/client/sql-quote.ts';
import { listMissingExtensions } from '@pgstow/postgres/restore/missing-extensions.ts';
import { SCRATCH_DATABASE } from '@pgstow/scratch/scratch-process.ts';
import type { ScratchServer } from '@pgstow/scratch/scratch-server.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { createRoles } from './create-roles.ts';
import type { DumpFacts } from './read-dump-facts.ts';

/**
 * Gives the server what a dump takes for granted: roles, and an empty database.
 *
 * @returns the database
 * @throws PermanentError if the server lacks an extension of the source
 */
export async function prepareServer(
  server: ScratchServer,
  manifest: Manifest,
  { roles, extensions }: DumpFacts,
): Promise<string> {
  const missing = (await server.query('postgres', listMissingExtensions(extensions)))
    .split('\n')
    .filter((line) => line !== '');
  if (missing.length > 0) {
    const [what, it] = missing.length === 1 ? ['extension', 'it'] : ['extensions', 'them'];
    throw new PermanentError(`the scratch server lacks the ${what} ${missing.join(', ')}`, {
      hint: `Install ${it} for PostgreSQL ${server.clients.major} where the verify worker runs; in compose, name an image that has ${it}: SCRATCH_IMAGE.`,
    });
  }
  await createRoles(server, manifest, roles);
  await server.createDatabase(SCRATCH_DATABASE);
  const { owner, roles: known } = manifest.needs ?? {};
  if (owner !== undefined && known !== undefined && !owner.startsWith('pg_'))
    await server.query(
      'postgres',
      `alter database ${quoteIdentifier(SCRATCH_DATABASE)} owner to ${quoteIdentifier(owner)}`,
    );
  return SCRATCH_DATABASE;
}
