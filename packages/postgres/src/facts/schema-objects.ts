import { isOfNoExtension, isUsersSchema } from './made-by-users.ts';

/** Version of `DESCRIBE_OBJECTS`. Digests of another version are no evidence of a difference. */
export const DESCRIPTION_VERSION = 1;

/** Materialized views that are not populated, and those that read one; a view between them carries it on. */
const UNPOPULATED = `
  reads as (
    select w.ev_class as reader, d.refobjid as read
    from pg_rewrite w join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
      and d.refclassid = 'pg_class'::regclass and d.refobjid <> w.ev_class
    where (select relkind from pg_class where oid = w.ev_class) in ('m', 'v')
  ),
  unpopulated as (
    select oid from pg_class where relkind = 'm' and not relispopulated
    union select r.reader from unpopulated u join reads r on r.read = u.oid
  )`;

/**
 * SQL that describes every object that a dump makes, a row each: kind and name, and the parts of its description by their
 * names. Two databases have the same descriptions if one was restored from a dump of the other.
 *
 * It holds only what pg_dump writes and the server keeps as it is written:
 *
 * - no expressions: the server writes a CHECK of a varchar or a view anew in other words;
 * - no owners, rights and comments: options of pg_dump may leave them out;
 * - columns sorted by name: pg_dump puts inherited ones first; texts sorted by their bytes: another server may lack a collation;
 * - no members of extensions, and nothing that hangs on their tables: they come with the extension;
 * - a child's column and constraint as its parents make it: pg_dump leaves to the parent what is inherited, so a child that
 *   lacks its parent's NOT NULL, or alone has validated its CHECK, does not stay so;
 * - no operator without a function: another one named it as commutator or negator, and pg_dump leaves it out;
 * - a replica identity by index only while that index is there;
 * - a materialized view as populated only if all that it reads are;
 * - a partitioned table's index whether it is valid or not: it may be valid once it is restored;
 * - no names of NOT NULL constraints: pg_dump 17 does not write those of domains.
 *
 * For servers from version 12 on; what a later one brought is asked by way of JSON, where it may be missing.
 * Sources: https://www.postgresql.org/docs/current/catalogs.html and src/bin/pg_dump/pg_dump.c (flagInhAttrs, getIndexes, dumpOpr,
 * buildMatViewRefreshDependencies, getPublicationTables).
 */
export const DESCRIBE_OBJECTS = `
with recursive
  namespace as (
    select tableoid, oid, nspname from pg_namespace where ${isUsersSchema('nspname')}
  ),
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
  columns as (
    select a.attrelid, jsonb_agg(jsonb_build_array(
        a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull or coalesce(p.attnotnull, false), a.attidentity, a.attgenerated,
        a.atthasdef or coalesce(p.atthasdef, false), (select l.collname from pg_collation l where l.oid = a.attcollation)
      ) order by a.attname) as list
    from pg_attribute a join relation r on r.oid = a.attrelid
      left join lateral (
        -- A child that dropped its parent's default gets DEFAULT NULL, which counts as one where a domain has another.
        select bool_or(u.attnotnull) as attnotnull, bool_or(u.atthasdef and t.typtype = 'd') as atthasdef
        from ancestor n join pg_attribute u on u.attrelid = n.parent and u.attname = a.attname join pg_type t on t.oid = u.atttypid
        where n.child = a.attrelid
      ) p on a.attinhcount > 0
    where a.attnum > 0 and not a.attisdropped
    group by 1
  ),
  constraints as (
    select o.conrelid, jsonb_agg(jsonb_build_array(
        o.conname, o.contype, o.condeferrable, o.condeferred,
        o.convalidated and (o.conislocal or not exists (select from ancestor n join pg_constraint u on u.conrelid = n.parent
          where n.child = o.conrelid and u.conname = o.conname and not u.convalidated)), o.confupdtype, o.confdeltype,
        (select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where c.oid = o.confrelid),
        (select jsonb_agg(a.attname order by k.at) from unnest(o.conkey) with ordinality k(num, at)
          join pg_attribute a on a.attrelid = o.conrelid and a.attnum = k.num)
      ) order by o.conname) as list
    from pg_constraint o join relation r on r.oid = o.conrelid
    where o.contype not in ('t', 'n') and o.conparentid = 0
    group by 1
  ),
  indexes as (
    select i.indrelid, jsonb_agg(jsonb_build_array(
        c.relname, m.amname, i.indisunique, i.indisprimary, i.indnkeyatts, i.indpred is not null,
        (select jsonb_agg(a.attname order by k.at) from unnest(i.indkey::int2[]) with ordinality k(num, at)
          left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.num and k.num <> 0)
      ) order by c.relname) as list
    from pg_index i join relation r on r.oid = i.indrelid join pg_class c on c.oid = i.indexrelid
      join pg_am m on m.oid = c.relam
    where (i.indisvalid or r.relkind = 'p') and i.indisready
    group by 1
  ),
  triggers as (
    select t.tgrelid, jsonb_agg(jsonb_build_array(t.tgname, t.tgtype, t.tgenabled, p.proname) order by t.tgname) as list
    from pg_trigger t join relation r on r.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
    where not t.tgisinternal and coalesce(to_jsonb(t) ->> 'tgparentid', '0') = '0'
    group by 1
  ),
  policies as (
    select p.polrelid, jsonb_agg(jsonb_build_array(p.polname, p.polcmd, p.polpermissive) order by p.polname) as list
    from pg_policy p join relation r on r.oid = p.polrelid
    group by 1
  ),
  rules as (
    select w.ev_class, jsonb_agg(jsonb_build_array(w.rulename, w.ev_type, w.ev_enabled, w.is_instead) order by w.rulename) as list
    from pg_rewrite w join relation r on r.oid = w.ev_class
    where w.rulename <> '_RETURN'
    group by 1
  ),
  object(kind, name, description) as (
    select 'schema', format('%I', n.nspname), null::jsonb from namespace n
      where ${isOfNoExtension('n')}
    union all
    select case r.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view'
        when 'm' then 'materialized view' when 'f' then 'foreign table' when 'S' then 'sequence' else 'composite type' end,
      r.name,
      jsonb_build_object(
        'persistence', case when not exists (select from pg_depend d
          where d.classid = 'pg_class'::regclass and d.objid = r.oid and d.deptype = 'i') then nullif(r.relpersistence, 'p') end,
        'row security', nullif(array[r.relrowsecurity, r.relforcerowsecurity], '{f,f}'),
        'replica identity', case r.relreplident when 'd' then null
          when 'i' then (select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
            where i.indrelid = r.oid and i.indisreplident and i.indisvalid)
          else r.relreplident::text end,
        'contents', case when r.relkind = 'm' then r.oid not in (select oid from unpopulated) end,
        'storage options', (select jsonb_agg(o order by o collate "C") from unnest(r.reloptions) o),
        'parents', (select jsonb_agg(h.inhparent::regclass::text order by h.inhparent::regclass::text collate "C")
          from pg_inherits h where h.inhrelid = r.oid),
        'options', (select jsonb_build_array(q.seqtypid::regtype::text, q.seqstart::text, q.seqincrement::text, q.seqmax::text,
          q.seqmin::text, q.seqcache::text, q.seqcycle) from pg_sequence q where q.seqrelid = r.oid),
        'columns', case when r.relkind <> 'S' then columns.list end, 'constraints', constraints.list, 'indexes', indexes.list,
        'triggers', triggers.list, 'policies', policies.list, 'rules', rules.list)
    from relation r
      left join columns on columns.attrelid = r.oid
      left join constraints on constraints.conrelid = r.oid
      left join indexes on indexes.indrelid = r.oid
      left join triggers on triggers.tgrelid = r.oid
      left join policies on policies.polrelid = r.oid
      left join rules on rules.ev_class = r.oid
    union all
    select case p.prokind when 'a' then 'aggregate' when 'p' then 'procedure' else 'function' end,
      format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
      jsonb_build_object('definition', jsonb_build_array(pg_get_function_result(p.oid), l.lanname, p.provolatile, p.proisstrict,
          p.prosecdef, p.proleakproof, p.proparallel, p.prokind),
        'body', case when to_jsonb(p) ->> 'prosqlbody' is null then nullif(p.prosrc, '') end)
    from pg_proc p join namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
    where ${isOfNoExtension('p')}
      and not exists (select from pg_depend d
        where d.classid = p.tableoid and d.objid = p.oid and d.deptype = 'i')
    union all
    select case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'r' then 'range type' else 'base type' end,
      format('%I.%I', n.nspname, t.typname),
      jsonb_build_object(
        'values', (select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid),
        'base type', case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
        'NOT NULL', nullif(t.typnotnull, false),
        'constraints', (select jsonb_agg(o.conname order by o.conname) from pg_constraint o
          where o.contypid = t.oid and o.contype <> 'n'),
        'subtype', (select r.rngsubtype::regtype::text from pg_range r where r.rngtypid = t.oid))
    from pg_type t join namespace n on n.oid = t.typnamespace
    where t.typtype in ('e', 'd', 'r', 'b')
      and not exists (select from pg_type e where e.typarray = t.oid)
      and ${isOfNoExtension('t')}
    union all
    select 'collation', format('%I.%I', n.nspname, l.collname), null
    from pg_collation l join namespace n on n.oid = l.collnamespace
    where ${isOfNoExtension('l')}
    union all
    select 'operator', format('%I.%s(%s,%s)', n.nspname, o.oprname, o.oprleft::regtype, o.oprright::regtype), null
    from pg_operator o join namespace n on n.oid = o.oprnamespace
    where o.oprcode <> 0 and ${isOfNoExtension('o')}
    union all
    select 'statistics', format('%I.%I', n.nspname, s.stxname), jsonb_build_object('table', r.name)
    from pg_statistic_ext s join namespace n on n.oid = s.stxnamespace join relation r on r.oid = s.stxrelid
    union all
    select 'publication', format('%I', p.pubname),
      jsonb_build_object('options', jsonb_build_array(p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete),
        'tables', (select jsonb_agg(r.name order by r.name collate "C")
          from pg_publication_rel l join relation r on r.oid = l.prrelid where l.prpubid = p.oid))
    from pg_publication p
    union all
    select 'event trigger', format('%I', e.evtname), jsonb_build_object('event', e.evtevent, 'firing', e.evtenabled)
    from pg_event_trigger e where ${isOfNoExtension('e')}
    union all
    select 'server', format('%I', s.srvname), null
    from pg_foreign_server s where ${isOfNoExtension('s')}
  )
select jsonb_build_array(kind || ' ' || name, jsonb_strip_nulls(coalesce(description, '{}'))) from object`;

/** SQL for what the source holds and pg_dump leaves out, whatever its options are: a sentence a row. */
export const LIST_LOSSES = `
with recursive ${UNPOPULATED}
select to_jsonb(format('materialized view %I.%I comes back empty: it reads one that is not populated', n.nspname, c.relname))
from pg_class c join pg_namespace n on n.oid = c.relnamespace join unpopulated u on u.oid = c.oid
where c.relkind = 'm' and c.relispopulated`;
