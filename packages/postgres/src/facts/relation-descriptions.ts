import { isOfNoExtension } from './made-by-users.ts';
import { UNPOPULATED } from './unpopulated-views.ts';

/** Names of the columns of table `relid` at the numbers of an array, in its order; expressions have none. */
const columnNames = (relid: string, numbers: string): string => `
        (select jsonb_agg(a.attname order by k.at) from unnest(${numbers}::int2[]) with ordinality k(num, at)
          left join pg_attribute a on a.attrelid = ${relid} and a.attnum = k.num and k.num <> 0)`;

/** Common table expressions of relations and their parts. They need `namespace`. */
export const RELATION_PARTS = `
  relation as (
    select c.*, format('%I.%I', n.nspname, c.relname) as name
    from pg_class c join namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
      and ${isOfNoExtension('c')}
  ),
  ancestor as (
    select inhrelid as child, inhparent as parent from pg_inherits
    union select a.child, i.inhparent from ancestor a join pg_inherits i on i.inhrelid = a.parent
  ),
${UNPOPULATED},
  inherited as (
    -- A child that dropped its parent's default gets DEFAULT NULL, which counts as one where a domain has another.
    select n.child, u.attname, bool_or(u.attnotnull) as attnotnull, bool_or(u.atthasdef and t.typtype = 'd') as atthasdef
    from ancestor n join pg_attribute u on u.attrelid = n.parent and u.attnum > 0 join pg_type t on t.oid = u.atttypid
    group by 1, 2
  ),
  not_validated as (
    select n.child, u.conname from ancestor n join pg_constraint u on u.conrelid = n.parent where not u.convalidated
  ),
  columns as (
    select a.attrelid, jsonb_agg(jsonb_build_array(
        a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull or coalesce(p.attnotnull, false), a.attidentity, a.attgenerated,
        a.atthasdef or coalesce(p.atthasdef, false), (select l.collname from pg_collation l where l.oid = a.attcollation)
      ) order by a.attname) as list
    from pg_attribute a join relation r on r.oid = a.attrelid
      left join inherited p on p.child = a.attrelid and p.attname = a.attname and a.attinhcount > 0
    where a.attnum > 0 and not a.attisdropped
    group by 1
  ),
  constraints as (
    select o.conrelid, jsonb_agg(jsonb_build_array(
        o.conname, o.contype, o.condeferrable, o.condeferred,
        o.convalidated and (o.conislocal or (o.conrelid, o.conname) not in (select child, conname from not_validated)), o.confupdtype, o.confdeltype, o.confmatchtype,
        (select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where c.oid = o.confrelid),
        ${columnNames('o.conrelid', 'o.conkey')},
        case when o.contype = 'f' then ${columnNames('o.confrelid', 'o.confkey')} end,
        case when o.contype in ('c', 'f') then to_jsonb(o) -> 'conenforced' end
      ) order by o.conname) as list
    from pg_constraint o join relation r on r.oid = o.conrelid
    where o.contype not in ('t', 'n') and o.conparentid = 0
    group by 1
  ),
  indexes as (
    select i.indrelid, jsonb_agg(jsonb_build_array(
        c.relname, m.amname, i.indisunique, i.indisprimary, i.indnkeyatts, i.indpred is not null, i.indoption::text,
        case when i.indisunique and not i.indisprimary then to_jsonb(i) -> 'indnullsnotdistinct' end,
        ${columnNames('i.indrelid', 'i.indkey')},
        (select jsonb_agg((select o.opcname from pg_opclass o where o.oid = k.class) order by k.at)
          from unnest(i.indclass::oid[]) with ordinality k(class, at))
      ) order by c.relname) as list
    from pg_index i join relation r on r.oid = i.indrelid join pg_class c on c.oid = i.indexrelid
      join pg_am m on m.oid = c.relam
    where (i.indisvalid or r.relkind = 'p') and i.indisready
    group by 1
  ),
  triggers as (
    -- pg_dump writes a partition's own trigger of a parent's only where it fires otherwise than that.
    select t.tgrelid, jsonb_agg(jsonb_build_array(t.tgname, t.tgtype, t.tgenabled, t.tgfoid::regproc::text, t.tgdeferrable,
        t.tginitdeferred, t.tgnargs, t.tgqual is not null, t.tgoldtable, t.tgnewtable,
        ${columnNames('t.tgrelid', 't.tgattr')}) order by t.tgname) as list
    from pg_trigger t join relation r on r.oid = t.tgrelid
      left join pg_trigger u on u.oid::text = to_jsonb(t) ->> 'tgparentid'
    where t.tgname not like 'RI\\_ConstraintTrigger\\_%'
      and case when u.oid is null then not t.tgisinternal else u.tgenabled <> t.tgenabled end
    group by 1
  ),
  policies as (
    select p.polrelid, jsonb_agg(jsonb_build_array(p.polname, p.polcmd, p.polpermissive, p.polqual is not null,
        p.polwithcheck is not null,
        (select jsonb_agg(a.rolname order by a.rolname) from pg_roles a where a.oid = any (p.polroles))
      ) order by p.polname) as list
    from pg_policy p join relation r on r.oid = p.polrelid
    group by 1
  ),
  rules as (
    select w.ev_class, jsonb_agg(jsonb_build_array(w.rulename, w.ev_type, w.ev_enabled, w.is_instead) order by w.rulename) as list
    from pg_rewrite w join relation r on r.oid = w.ev_class
    where w.rulename <> '_RETURN'
    group by 1
  ),
  owned as (
    select d.objid, jsonb_build_array(r.name, a.attname) as by
    from pg_depend d join relation r on r.oid = d.refobjid join pg_attribute a on a.attrelid = r.oid and a.attnum = d.refobjsubid
    where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
      and d.objid in (select seqrelid from pg_sequence)
  )`;

/** Tables, views, sequences and composite types, a row each. */
export const DESCRIBE_RELATIONS = `
    select case r.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view'
        when 'm' then 'materialized view' when 'f' then 'foreign table' when 'S' then 'sequence' else 'composite type' end,
      r.name,
      jsonb_build_object(
        'persistence', case when r.relkind <> 'p' and not exists (select from pg_depend d
          where d.classid = 'pg_class'::regclass and d.objid = r.oid and d.deptype = 'i') then nullif(r.relpersistence, 'p') end,
        'row security', nullif(array[r.relrowsecurity, r.relforcerowsecurity], '{f,f}'),
        'replica identity', case r.relreplident when 'd' then null
          when 'i' then (select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
            where i.indrelid = r.oid and i.indisreplident and i.indisvalid)
          else r.relreplident::text end,
        'contents', case when r.relkind = 'm' then r.oid not in (select oid from unpopulated) end,
        'options', case when r.relkind = 'S' then (
          select jsonb_build_array(q.seqtypid::regtype::text, q.seqstart::text, q.seqincrement::text, q.seqmax::text, q.seqmin::text,
            q.seqcache::text, q.seqcycle, owned.by) from pg_sequence q where q.seqrelid = r.oid)
          else (select jsonb_agg(o order by o collate "C") from unnest(r.reloptions) o) end,
        'parents', (select jsonb_agg(h.inhparent::regclass::text order by h.inhparent::regclass::text collate "C")
          from pg_inherits h where h.inhrelid = r.oid),
        'type', case when r.reloftype <> 0 then format_type(r.reloftype, null) end,
        'partitioning', (select jsonb_build_array(k.partstrat, ${columnNames('r.oid', 'k.partattrs')})
          from pg_partitioned_table k where k.partrelid = r.oid),
        'server', (select jsonb_build_array(s.srvname, f.ftoptions)
          from pg_foreign_table f join pg_foreign_server s on s.oid = f.ftserver where f.ftrelid = r.oid),
        'columns', case when r.relkind <> 'S' then columns.list end, 'constraints', constraints.list, 'indexes', indexes.list,
        'triggers', triggers.list, 'policies', policies.list, 'rules', rules.list)
    from relation r
      left join columns on columns.attrelid = r.oid
      left join constraints on constraints.conrelid = r.oid
      left join indexes on indexes.indrelid = r.oid
      left join triggers on triggers.tgrelid = r.oid
      left join policies on policies.polrelid = r.oid
      left join rules on rules.ev_class = r.oid
      left join owned on owned.objid = r.oid`;
