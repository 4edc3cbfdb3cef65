import { z } from 'zod';
import type { PsqlSession } from '../client/psql-session.ts';
import { isUsersSchema } from '../facts/made-by-users.ts';

/** Objects by their SQL names: the first few, and how many there are. */
export type Lacking = { readonly count: number; readonly first: readonly string[] };

/** Objects that a role may not dump, and objects that no dump holds. */
export type DumpRights = {
  /** The current role. */
  readonly role: string;
  /** Schemas of tables that it may not enter. */
  readonly schemas: Lacking;
  readonly tables: Lacking;
  readonly sequences: Lacking;
  /** Tables with rows that row-level security hides from the role; pg_dump refuses them. */
  readonly rowSecurity: Lacking;
  readonly largeObjects: Lacking;
  /** Foreign tables, whose rows stay on their own servers. */
  readonly foreignTables: Lacking;
  /** Unlogged tables, whose rows cannot be read on a standby. */
  readonly unloggedTables: Lacking;
};

const KINDS = [
  'schemas',
  'tables',
  'sequences',
  'rowSecurity',
  'largeObjects',
  'foreignTables',
  'unloggedTables',
] as const;
const FIRST = 3;
const rowSchema = z.strictObject({ kind: z.enum(KINDS), count: z.int(), first: z.array(z.string()) });

/**
 * Compares what pg_dump reads with what the current role may read: it locks every table and copies its rows, reads the
 * state of every sequence and every large object. Of an extension's objects it reads only the tables that the extension
 * says are configuration.
 *
 * @param major the server's major version
 * @throws StatementError | PermanentError | RetryableError as the session does
 */
export async function readDumpRights(session: PsqlSession, major: number): Promise<DumpRights> {
  const role = await session.queryRow('select to_jsonb(current_user::text)', z.string());
  const rows = await session.query(lackingSql(major), rowSchema);
  const of = (wanted: (typeof KINDS)[number]): Lacking => {
    const found = rows.find(({ kind }) => kind === wanted);
    return found === undefined ? { count: 0, first: [] } : { count: found.count, first: found.first };
  };
  return {
    role,
    schemas: of('schemas'),
    tables: of('tables'),
    sequences: of('sequences'),
    rowSecurity: of('rowSecurity'),
    largeObjects: of('largeObjects'),
    foreignTables: of('foreignTables'),
    unloggedTables: of('unloggedTables'),
  };
}

function lackingSql(major: number): string {
  // has_largeobject_privilege is new in 18. Before, the access list tells.
  const mayReadLargeObject =
    major >= 18
      ? `has_largeobject_privilege(l.oid, 'SELECT')`
      : `(select rolsuper from pg_roles where rolname = current_user)
      or current_setting('lo_compat_privileges')::boolean
      or pg_has_role(l.lomowner, 'USAGE')
      or exists (select from aclexplode(l.lomacl) a where a.privilege_type = 'SELECT'
        and case when a.grantee = 0 then true else pg_has_role(a.grantee, 'USAGE') end)`;
  return `
with relations as (
  select c.oid, c.relkind, c.relpersistence, c.relnamespace, format('%I.%I', n.nspname, c.relname) as name
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'S', 'f') and c.relpersistence <> 't'
    and ${isUsersSchema('n.nspname')}
    and not exists (
      select from pg_depend d join pg_extension e on e.oid = d.refobjid
      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_extension'::regclass
        and d.deptype = 'e' and not (c.oid = any (coalesce(e.extconfig, '{}'))))
),
lacking (kind, name) as (
  select distinct 'schemas', format('%I', n.nspname) from pg_namespace n join relations r on r.relnamespace = n.oid
    where not has_schema_privilege(n.oid, 'USAGE')
  union all select 'tables', name from relations where relkind in ('r', 'p') and not has_table_privilege(oid, 'SELECT')
  union all select 'sequences', name from relations
    where case when relkind = 'S' then not has_sequence_privilege(oid, 'SELECT') else false end
  union all select 'rowSecurity', name from relations where relkind in ('r', 'p') and row_security_active(oid)
  union all select 'largeObjects', l.oid::text from pg_largeobject_metadata l where not (${mayReadLargeObject})
  union all select 'foreignTables', name from relations where relkind = 'f'
  union all select 'unloggedTables', name from relations where relkind = 'r' and relpersistence = 'u'
)
select jsonb_build_object('kind', kind, 'count', count(*), 'first', to_jsonb((array_agg(name order by name))[1:${FIRST}]))
from lacking group by kind`;
}
