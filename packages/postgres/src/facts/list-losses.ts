import { FIRST_OF_USERS } from './made-by-users.ts';
import { UNPOPULATED } from './unpopulated-views.ts';

/** Names in one sentence. */
const NAMED = 3;

/** Objects of users in schemas that pg_dump takes for PostgreSQL's own. Source: selectDumpableNamespace in pg_dump.c. */
const IN_SYSTEM_SCHEMAS = `
  select pg_describe_object(o.classid, o.oid, 0) as name
  from (
    select tableoid, oid, pronamespace from pg_proc union all
    select tableoid, oid, relnamespace from pg_class where relkind in ('r', 'p', 'v', 'm', 'f', 'S') union all
    select tableoid, oid, oprnamespace from pg_operator where oprcode <> 0 union all
    select tableoid, oid, typnamespace from pg_type where typtype in ('d', 'e', 'r')
  ) o (classid, oid, namespace)
  where o.oid >= ${FIRST_OF_USERS} and o.namespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    and not exists (select from pg_depend d where d.classid = o.classid and d.objid = o.oid and d.deptype in ('e', 'i'))`;

/** SQL for what the source holds and pg_dump leaves out, whatever its options are: a sentence a row. */
export const LIST_LOSSES = `
with recursive ${UNPOPULATED},
  hidden as (${IN_SYSTEM_SCHEMAS})
select to_jsonb(format('materialized view %I.%I comes back empty: it reads one that is not populated', n.nspname, c.relname))
from pg_class c join pg_namespace n on n.oid = c.relnamespace join unpopulated u on u.oid = c.oid
where c.relkind = 'm' and c.relispopulated
union all
select to_jsonb(format('pg_dump leaves out what was made in schemas of PostgreSQL itself: %s%s',
  array_to_string((array_agg(name order by name collate "C"))[:${NAMED}], ', '),
  case when count(*) > ${NAMED} then format(' and %s more', count(*) - ${NAMED}) end))
from hidden having count(*) > 0
union all
select to_jsonb(format('pg_dump leaves out subscription %I: only a superuser''s dump has it', s.subname))
from pg_subscription s
where s.subdbid = (select oid from pg_database where datname = current_database()) and not current_setting('is_superuser')::bool`;
