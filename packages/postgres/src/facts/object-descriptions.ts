import { FIRST_OF_USERS, isOfNoExtension } from './made-by-users.ts';

/** Functions, types and whatever else lies in a schema and is no relation, a row each. They need `namespace` and `relation`. */
const IN_SCHEMAS = `
    select case p.prokind when 'a' then 'aggregate' when 'p' then 'procedure' else 'function' end,
      format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
      jsonb_build_object('definition', jsonb_build_array(pg_get_function_result(p.oid), l.lanname, p.provolatile, p.proisstrict,
          p.prosecdef, p.proleakproof, p.proparallel, p.prokind, p.pronargdefaults),
        'settings', (select jsonb_agg(split_part(s, '=', 1) order by s collate "C") from unnest(p.proconfig) s),
        'body', case when to_jsonb(p) ->> 'prosqlbody' is null then nullif(p.prosrc, '') end,
        'steps', (select jsonb_build_array(a.aggkind, a.aggtransfn::regproc::text, a.aggfinalfn::regproc::text,
            a.aggcombinefn::regproc::text, a.aggmtransfn::regproc::text, format_type(a.aggtranstype, null), a.agginitval)
          from pg_aggregate a where a.aggfnoid = p.oid))
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
        -- A domain takes the default of its base type, and pg_dump does not write that it has dropped it.
        'default', case when t.typtype = 'd' and not exists (select from pg_type b
          where b.oid = t.typbasetype and b.typdefault is not null) then nullif(t.typdefault is not null, false) end,
        'NOT NULL', nullif(t.typnotnull, false),
        'constraints', (select jsonb_agg(jsonb_build_array(o.conname, o.convalidated) order by o.conname) from pg_constraint o
          where o.contypid = t.oid and o.contype <> 'n'),
        'subtype', (select jsonb_build_array(r.rngsubtype::regtype::text, r.rngcanonical::regproc::text, r.rngsubdiff::regproc::text)
          from pg_range r where r.rngtypid = t.oid))
    from pg_type t join namespace n on n.oid = t.typnamespace
    where t.typtype in ('e', 'd', 'r', 'b')
      and not exists (select from pg_type e where e.typarray = t.oid)
      and ${isOfNoExtension('t')}
    union all
    select 'collation', format('%I.%I', n.nspname, l.collname),
      jsonb_build_object('options', jsonb_build_array(l.collprovider, l.collisdeterministic))
    from pg_collation l join namespace n on n.oid = l.collnamespace
    where ${isOfNoExtension('l')}
    union all
    select 'operator', format('%I.%s(%s,%s)', n.nspname, o.oprname, o.oprleft::regtype, o.oprright::regtype),
      jsonb_build_object('function', o.oprcode::regproc::text)
    from pg_operator o join namespace n on n.oid = o.oprnamespace
    where o.oprcode <> 0 and ${isOfNoExtension('o')}
    union all
    select 'operator class', format('%I.%I using %I', n.nspname, o.opcname, m.amname),
      jsonb_build_object('type', format_type(o.opcintype, null), 'default', nullif(o.opcdefault, false))
    from pg_opclass o join namespace n on n.oid = o.opcnamespace join pg_am m on m.oid = o.opcmethod
    where ${isOfNoExtension('o')}
    union all
    select 'operator family', format('%I.%I using %I', n.nspname, f.opfname, m.amname), null
    from pg_opfamily f join namespace n on n.oid = f.opfnamespace join pg_am m on m.oid = f.opfmethod
    where ${isOfNoExtension('f')}
    union all
    select 'conversion', format('%I.%I', n.nspname, v.conname), jsonb_build_object('default', nullif(v.condefault, false))
    from pg_conversion v join namespace n on n.oid = v.connamespace
    where ${isOfNoExtension('v')}
    union all
    select 'text search parser', format('%I.%I', n.nspname, p.prsname), null
    from pg_ts_parser p join namespace n on n.oid = p.prsnamespace
    where ${isOfNoExtension('p')}
    union all
    select 'text search template', format('%I.%I', n.nspname, t.tmplname), null
    from pg_ts_template t join namespace n on n.oid = t.tmplnamespace
    where ${isOfNoExtension('t')}
    union all
    select 'text search dictionary', format('%I.%I', n.nspname, y.dictname), jsonb_build_object('template', t.tmplname)
    from pg_ts_dict y join namespace n on n.oid = y.dictnamespace join pg_ts_template t on t.oid = y.dicttemplate
    where ${isOfNoExtension('y')}
    union all
    select 'text search configuration', format('%I.%I', n.nspname, c.cfgname),
      jsonb_build_object('parser', p.prsname,
        'dictionaries', (select jsonb_agg(jsonb_build_array(m.maptokentype, d.dictname) order by m.maptokentype, m.mapseqno)
          from pg_ts_config_map m join pg_ts_dict d on d.oid = m.mapdict where m.mapcfg = c.oid))
    from pg_ts_config c join namespace n on n.oid = c.cfgnamespace join pg_ts_parser p on p.oid = c.cfgparser
    where ${isOfNoExtension('c')}
    union all
    select 'statistics', format('%I.%I', n.nspname, s.stxname),
      jsonb_build_object('table', r.name,
        'columns', (select jsonb_agg(a.attname order by a.attname) from pg_attribute a
          where a.attrelid = s.stxrelid and a.attnum = any (s.stxkeys::int2[])))
    from pg_statistic_ext s join namespace n on n.oid = s.stxnamespace join relation r on r.oid = s.stxrelid`;

/** Objects of a database that lie in no schema, a row each. */
const IN_NO_SCHEMA = `
    select 'schema', format('%I', n.nspname), null::jsonb from namespace n
    where ${isOfNoExtension('n')}
    union all
    select 'publication', format('%I', p.pubname),
      jsonb_build_object('options', jsonb_build_array(p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate,
          to_jsonb(p) -> 'pubviaroot'),
        'tables', (select jsonb_agg(jsonb_build_array(r.name, to_jsonb(l) ->> 'prqual' is not null,
            (select jsonb_agg(a.attname order by a.attname) from pg_attribute a
              where a.attrelid = r.oid and to_jsonb(a.attnum) <@ (to_jsonb(l) -> 'prattrs'))
          ) order by r.name collate "C")
          from pg_publication_rel l join relation r on r.oid = l.prrelid where l.prpubid = p.oid),
        'schemas', (select jsonb_agg(n.nspname order by n.nspname)
          from pg_depend d join pg_depend s on s.classid = d.classid and s.objid = d.objid
            join namespace n on s.refclassid = n.tableoid and s.refobjid = n.oid
          where d.classid = to_regclass('pg_catalog.pg_publication_namespace') and d.refclassid = p.tableoid and d.refobjid = p.oid))
    from pg_publication p
    where ${isOfNoExtension('p')}
    union all
    select 'event trigger', format('%I', e.evtname),
      jsonb_build_object('event', e.evtevent, 'firing', e.evtenabled, 'function', e.evtfoid::regproc::text, 'tags', e.evttags)
    from pg_event_trigger e where ${isOfNoExtension('e')}
    union all
    select 'language', format('%I', l.lanname), null
    from pg_language l where l.lanispl and l.oid >= ${FIRST_OF_USERS} and ${isOfNoExtension('l')}
    union all
    select 'cast', format('(%s as %s)', format_type(c.castsource, null), format_type(c.casttarget, null)),
      jsonb_build_object('function', c.castfunc::regproc::text, 'context', c.castcontext, 'method', c.castmethod)
    from pg_cast c where c.oid >= ${FIRST_OF_USERS} and ${isOfNoExtension('c')}
    union all
    select 'transform', format('for %s language %I', format_type(f.trftype, null), l.lanname), null
    from pg_transform f join pg_language l on l.oid = f.trflang where ${isOfNoExtension('f')}
    union all
    select 'access method', format('%I', m.amname), jsonb_build_object('type', m.amtype)
    from pg_am m where m.oid >= ${FIRST_OF_USERS} and ${isOfNoExtension('m')}
    union all
    select 'foreign-data wrapper', format('%I', w.fdwname), null
    from pg_foreign_data_wrapper w where ${isOfNoExtension('w')}
    union all
    select 'server', format('%I', s.srvname),
      jsonb_build_object('definition', jsonb_build_array(s.srvtype, s.srvversion, w.fdwname))
    from pg_foreign_server s join pg_foreign_data_wrapper w on w.oid = s.srvfdw where ${isOfNoExtension('s')}
    union all
    select 'user mapping', format('for %I server %I', u.usename, u.srvname), null
    from pg_user_mappings u join pg_foreign_server s on s.oid = u.srvid where ${isOfNoExtension('s')}`;

/** Everything but relations. */
export const DESCRIBE_OTHERS = `${IN_NO_SCHEMA}
    union all${IN_SCHEMAS}`;
