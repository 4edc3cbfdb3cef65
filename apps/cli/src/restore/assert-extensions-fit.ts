import { StatementError, type PsqlSession } from '@pgstow/postgres/client/psql-session.ts';
import { listMissingExtensions, type DumpedExtension } from '@pgstow/postgres/restore/missing-extensions.ts';
import { z } from 'zod';
import { refusal, type ExitError } from '../exit-codes.ts';
import type { RestoreContext } from './restore-context.ts';
import type { TargetSession } from './target-facts.ts';

/**
 * Checks that the target can have the extensions of a dump, as far as that shows before the restore.
 *
 * @throws ExitError with what a person has to do on the server
 */
export async function assertExtensionsFit(
  { target, options }: Pick<RestoreContext, 'target' | 'options'>,
  { session, exists }: TargetSession,
  extensions: readonly DumpedExtension[],
): Promise<void> {
  const missing = await session.query(
    `select to_jsonb(name) from (${listMissingExtensions(extensions)}) missing(name)`,
    z.string(),
  );
  if (missing.length > 0)
    throw refusal(
      `extensions are missing on the target server: ${missing.join(', ')}`,
      'Install them there; a server in the image that the source runs in has them.',
    );
  const timescaledb = extensions.find(({ name }) => name === 'timescaledb');
  if (timescaledb !== undefined) {
    const isForced = exists && options.force === true;
    await assertTimescaledbFits(session, timescaledb.version, isForced, exists);
  }
  if (extensions.some(({ name }) => name === 'pg_cron')) await assertCronFits(session, target.database);
}

const TIMESCALEDB = `
select jsonb_build_object('isLoaded', exists (select from pg_settings where name like 'timescaledb.%'),
  'installed', (select extversion from pg_extension where extname = 'timescaledb'))`;

async function assertTimescaledbFits(
  session: PsqlSession,
  version: string | undefined,
  isForced: boolean,
  exists: boolean,
): Promise<void> {
  const { isLoaded, installed } = await session.queryRow(
    TIMESCALEDB,
    z.strictObject({ isLoaded: z.boolean(), installed: z.string().nullable() }),
  );
  if (!isLoaded) throw notLoaded('timescaledb');
  // Another database of the server says nothing of the one that is to be created.
  if (!exists || installed === null) return;
  if (isForced)
    throw refusal(
      'the target holds TimescaleDB, whose tables cannot be dropped and restored in one transaction',
      'Restore into a new database (--create), or drop this one first.',
    );
  if (version !== undefined && installed !== version)
    throw refusal(
      `the target has TimescaleDB ${installed}, and the backup is of ${version}`,
      'Restore into a new database (--create), or in this one: DROP EXTENSION timescaledb;',
    );
}

/** pg_cron can be created in one database of a server alone. */
async function assertCronFits(session: PsqlSession, wanted: string): Promise<void> {
  try {
    const { database } = await session.queryRow(
      "select jsonb_build_object('database', current_setting('cron.database_name', true))",
      z.strictObject({ database: z.string().nullable() }),
    );
    if (database === null) throw notLoaded('pg_cron');
    if (database === wanted) return;
    throw refusal(
      `pg_cron works in the database ${JSON.stringify(database)} of the target server alone`,
      `Set cron.database_name = '${wanted}' there and restart it, or restore into another server. Its jobs begin to run there at once; cron.launch_active_jobs = off keeps them from that.`,
    );
  } catch (error) {
    // Only some roles may read that setting. The restore tells.
    if (!(error instanceof StatementError)) throw error;
  }
}

function notLoaded(library: string): ExitError {
  return refusal(
    `the target server does not load ${library} at its start`,
    `Add it to shared_preload_libraries in its postgresql.conf, and restart it.`,
  );
}
