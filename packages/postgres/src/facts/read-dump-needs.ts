import { dumpNeedsSchema, type DumpNeeds } from '@pgstow/shared/contract/dump-needs.ts';
import type { PsqlSession } from '../client/psql-session.ts';

/** Any role may read this. A setting is kept as `name=value`. */
const NEEDS = `
select jsonb_build_object(
  'settings', (select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
      'name', split_part(setting, '=', 1), 'value', substr(setting, strpos(setting, '=') + 1),
      'role', (select rolname from pg_roles where oid = s.setrole))) order by s.setrole, setting), '[]')
    from pg_db_role_setting s, unnest(s.setconfig) setting where s.setdatabase = d.oid),
  'monetaryLocale', current_setting('lc_monetary'),
  'tablespaces', (select coalesce(jsonb_agg(spcname order by spcname), '[]') from pg_tablespace t
    where t.spcname <> 'pg_global' and exists (select from pg_class c where c.reltablespace = t.oid)),
  'extensions', (select coalesce(jsonb_object_agg(e.extname, jsonb_build_object('version', e.extversion, 'schema', n.nspname)), '{}')
    from pg_extension e join pg_namespace n on n.oid = e.extnamespace)
) from pg_database d where d.datname = current_database()`;

/** Reads what a dump of the session's database takes for granted. @throws StatementError | PermanentError | RetryableError as the session does */
export async function readDumpNeeds(session: PsqlSession): Promise<DumpNeeds> {
  return await session.queryRow(NEEDS, dumpNeedsSchema);
}
