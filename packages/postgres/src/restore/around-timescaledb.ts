import type { DumpNeeds } from '@pgstow/shared/contract/dump-needs.ts';
import { quoteIdentifier, quoteLiteral } from '../client/sql-quote.ts';
import { isThereFromTheStart } from './missing-extensions.ts';

/** SQL of a restore: for its session, and in its transaction before the dump and after it. */
export type AroundDump = {
  readonly settings: readonly string[];
  readonly before: readonly string[];
  readonly after: readonly string[];
};

/**
 * SQL that a dump of TimescaleDB needs around it: the extension stays out of the way while its own tables are filled, and is
 * of the version that wrote them. A dump that makes the extension's schema makes the extension, too: then a setting alone
 * keeps it out of the way, which is what `timescaledb_pre_restore()` does for this one session.
 * Source: https://docs.timescale.com/api/latest/administration/#timescaledb_pre_restore
 */
export function aroundTimescaledb(needs: DumpNeeds | undefined): AroundDump {
  const extension = needs?.extensions?.['timescaledb'];
  // Manifests of version 0.1 and of adopted dumps do not say whether it is there.
  if (needs?.extensions !== undefined && extension === undefined) return { settings: [], before: [], after: [] };
  if (extension === undefined || !isThereFromTheStart(extension.schema)) {
    const setting = "SELECT pg_catalog.set_config('timescaledb.restoring', 'on', false);";
    return { settings: [setting], before: [], after: [POST_RESTORE] };
  }
  const schema = quoteIdentifier(extension.schema);
  const create = `CREATE EXTENSION IF NOT EXISTS timescaledb WITH SCHEMA ${schema} VERSION ${quoteLiteral(extension.version)};`;
  const before = [create, `SELECT ${schema}.timescaledb_pre_restore();`];
  return { settings: [], before, after: [POST_RESTORE] };
}

const POST_RESTORE = `DO $pgstow$
DECLARE
  call text;
BEGIN
  FOR call IN SELECT pg_catalog.format('SELECT %I.timescaledb_post_restore()', n.nspname)
    FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'timescaledb'
  LOOP
    EXECUTE call;
  END LOOP;
END
$pgstow$;`;
