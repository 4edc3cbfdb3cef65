import { isOfNoExtension, isUsersSchema } from './made-by-users.ts';

/**
 * SQL that describes every object that a dump makes, a row each: kind and name, and a description of what it is. Two databases
 * have the same descriptions if one was restored from a dump of the other.
 *
 * Only what survives that unchanged is in it. Expressions are not: the server writes those down anew in other words (a CHECK
 * of a varchar, a view), and so are neither owners, rights nor comments, which options of pg_dump may leave out. Columns are
 * sorted by name, because pg_dump puts those that are inherited first. Texts are sorted by their bytes, because another server
 * may not have the collation of this one. An index of a partitioned table that is not valid is dumped, and may be valid once it
 * is restored. Members of extensions belong to the extension.
 *
 * For servers from version 12 on; what a later one brought is asked by way of JSON, where it may be missing.
 * Source: https://www.postgresql.org/docs/current/catalogs.html
 */
export const DESCRIBE_OBJECTS = `
with
  namespace as (
    select tableoid, oid, nspname from pg_namespace where ${isUsersSchema('nspname')}
  ),
  relation as (
    select c.*, format('%I.%I', n.nspname, c.relname) as name
    from pg_class c join namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
      and ${isOfNoExtension('c')}
  ),
  columns as (
    select a.attrelid, jsonb_agg(jsonb_build_array(
        a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.atthasdef,
        (select l.collname from pg_collation l where l.oid = a.attcollation)
      ) order by a.attname) as list
    from pg_attribute a join relation r on r.oid = a.attrelid
    where a.attnum > 0 and not a.attisdropped
    group by 1
  ),
  constraints as (
    select o.conrelid, jsonb_agg(jsonb_build_array(
        o.conname, o.contype, o.condeferrable, o.condeferred, o.convalidated, o.confupdtype, o.confdeltype,
        (select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where c.oid = o.confrelid),
        (select jsonb_agg(a.attname order by k.at) from unnest(o.conkey) with ordinality k(num, at)
          join pg_attribute a on a.attrelid = o.conrelid and a.attnum = k.num)
      ) order by o.conname) as list
    from pg_constraint o join relation r on r.oid = o.conrelid
    where o.contype <> 't' and o.conparentid = 0
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
    where (i.indisvalid or r.relkind = 'p')
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
      jsonb_build_array(r.relpersistence, r.relrowsecurity, r.relforcerowsecurity, r.relreplident, r.relispopulated,
        (select jsonb_agg(o order by o collate "C") from unnest(r.reloptions) o),
        (select jsonb_agg(h.inhparent::regclass::text order by h.inhseqno) from pg_inherits h where h.inhrelid = r.oid),
        (select jsonb_build_array(q.seqtypid::regtype::text, q.seqstart::text, q.seqincrement::text, q.seqmax::text,
          q.seqmin::text, q.seqcache::text, q.seqcycle) from pg_sequence q where q.seqrelid = r.oid),
        case when r.relkind <> 'S' then columns.list end, constraints.list, indexes.list, triggers.list, policies.list, rules.list)
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
      jsonb_build_array(pg_get_function_result(p.oid), l.lanname, p.provolatile, p.proisstrict, p.prosecdef, p.proleakproof,
        p.proparallel, p.prokind, case when to_jsonb(p) ->> 'prosqlbody' is null then p.prosrc end)
    from pg_proc p join namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
    where ${isOfNoExtension('p')}
      and not exists (select from pg_depend d
        where d.classid = p.tableoid and d.objid = p.oid and d.deptype = 'i')
    union all
    select case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'r' then 'range type' else 'base type' end,
      format('%I.%I', n.nspname, t.typname),
      jsonb_build_array(
        (select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid),
        case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end, t.typnotnull,
        (select jsonb_agg(o.conname order by o.conname) from pg_constraint o where o.contypid = t.oid),
        (select r.rngsubtype::regtype::text from pg_range r where r.rngtypid = t.oid))
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
    where ${isOfNoExtension('o')}
    union all
    select 'statistics', format('%I.%I', n.nspname, s.stxname), to_jsonb(s.stxrelid::regclass::text)
    from pg_statistic_ext s join namespace n on n.oid = s.stxnamespace
    union all
    select 'publication', format('%I', p.pubname),
      jsonb_build_array(p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete,
        (select jsonb_agg(r.prrelid::regclass::text order by r.prrelid::regclass::text collate "C")
          from pg_publication_rel r where r.prpubid = p.oid))
    from pg_publication p
    union all
    select 'event trigger', format('%I', e.evtname), jsonb_build_array(e.evtevent, e.evtenabled)
    from pg_event_trigger e where ${isOfNoExtension('e')}
    union all
    select 'server', format('%I', s.srvname), null
    from pg_foreign_server s where ${isOfNoExtension('s')}
  )
select jsonb_build_array(kind || ' ' || name, description) from object`;
