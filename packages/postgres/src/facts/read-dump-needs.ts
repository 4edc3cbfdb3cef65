import { dumpNeedsSchema, type DumpNeeds } from '@pgstow/shared/contract/dump-needs.ts';
import type { PsqlSession } from '../client/psql-session.ts';
import { FIRST_OF_USERS, isOfNoExtension } from './made-by-users.ts';

/** Objects named to people, of those that only a superuser may make or own. */
const FIRST = 5;

/** oid of the role that initdb makes, a superuser for ever. What it owns is recorded nowhere as its own. */
const BOOTSTRAP_ROLE = 10;

type Kind = {
  readonly kind: string;
  /** The catalog, as `o`. */
  readonly catalog: string;
  readonly name: string;
  /** The owner, where that must be a superuser as well. */
  readonly owner?: string;
  readonly where?: string;
};

/**
 * Objects that only a superuser may make.
 * Sources: src/backend/commands (event_trigger.c, foreigncmds.c, publicationcmds.c, functioncmds.c, typecmds.c, opclasscmds.c,
 * tsearchcmds.c, amcmds.c)
 */
const OF_SUPERUSERS: readonly Kind[] = [
  { kind: 'event trigger', catalog: 'pg_event_trigger', name: 'quote_ident(evtname)', owner: 'evtowner' },
  { kind: 'foreign-data wrapper', catalog: 'pg_foreign_data_wrapper', name: 'quote_ident(fdwname)', owner: 'fdwowner' },
  {
    kind: 'publication',
    catalog: 'pg_publication',
    name: 'quote_ident(pubname)',
    owner: 'pubowner',
    where: `(puballtables or exists (select from pg_depend p where p.refclassid = o.tableoid and p.refobjid = o.oid
      and p.classid = to_regclass('pg_catalog.pg_publication_namespace')::oid))`,
  },
  {
    kind: 'function',
    catalog: 'pg_proc',
    name: 'o.oid::regprocedure',
    where: 'exists (select from pg_language l where l.oid = o.prolang and not l.lanpltrusted)',
  },
  { kind: 'type', catalog: 'pg_type', name: 'o.oid::regtype', where: "typtype = 'b' and typelem = 0" },
  { kind: 'operator class', catalog: 'pg_opclass', name: 'quote_ident(opcname)' },
  { kind: 'operator family', catalog: 'pg_opfamily', name: 'quote_ident(opfname)' },
  { kind: 'text search template', catalog: 'pg_ts_template', name: 'quote_ident(tmplname)' },
  { kind: 'text search parser', catalog: 'pg_ts_parser', name: 'quote_ident(prsname)' },
  { kind: 'access method', catalog: 'pg_am', name: 'quote_ident(amname)' },
  { kind: 'language', catalog: 'pg_language', name: 'quote_ident(lanname)' },
];

const LIST_OF_SUPERUSERS = OF_SUPERUSERS.map(
  ({ kind, catalog, name, owner = 'null', where = 'true' }) =>
    `select '${kind} ' || ${name}, ${owner}::oid from ${catalog} o
      where o.oid >= ${FIRST_OF_USERS} and ${where} and ${isOfNoExtension('o')}`,
).join('\n  union all ');

/**
 * Subscriptions, of which a plain role may read these columns alone. pg_dump reads them only as a superuser, and since version 16
 * others may own them.
 * Sources: getSubscriptions in src/bin/pg_dump/pg_dump.c, src/backend/commands/subscriptioncmds.c
 */
const SUBSCRIPTIONS = `
  select 'subscription ' || quote_ident(subname), subowner from pg_subscription
  where subdbid = d.oid and current_setting('server_version_num')::int < 160000
    and (select rolsuper from pg_roles where rolname = current_user)`;

/** Whether a column, of a table or of a composite type, is of money, of a domain over it, or of an array of either. */
const HAS_MONEY = `exists (select from pg_attribute a join of_money m on m.oid = a.atttypid where a.attnum > 0 and not a.attisdropped)`;

/**
 * Any role may read this. A setting is kept as `name=value`. Since version 16 each membership says whether it hands on the rights
 * of the role; before, the member says so.
 */
const NEEDS = `
with recursive
  d as (select * from pg_database where datname = current_database()),
  of_superusers(object, owner) as (select o.* from d, lateral (${LIST_OF_SUPERUSERS} union all ${SUBSCRIPTIONS}) o),
  of_money(oid) as (
    select 'money'::regtype::oid
    union select t.oid from of_money m join pg_type t on m.oid in (t.typbasetype, t.typelem)
  ),
  hashed(oid) as (
    select a.atttypid from pg_partitioned_table p join pg_attribute a on a.attrelid = p.partrelid and a.attnum = any (p.partattrs)
      join pg_type t on t.oid = a.atttypid
    where p.partstrat = 'h' and t.typtype <> 'e'
  ),
  held(oid) as (
    select oid from hashed
    union select part.oid from held, lateral (
      select unnest(array[typbasetype, typelem]) from pg_type where oid = held.oid
      union all select a.atttypid from pg_type t join pg_attribute a on a.attrelid = t.typrelid
        where t.oid = held.oid and a.attnum > 0 and not a.attisdropped
      union all select r.rngsubtype from pg_range r
        where held.oid in (r.rngtypid, (to_jsonb(r) ->> 'rngmultitypid')::oid)) part(oid)
  ),
  member_of as (
    select m.member, m.roleid from pg_auth_members m join pg_roles r on r.oid = m.member
    where coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, r.rolinherit)
  ),
  involved(oid) as (
    select refobjid from pg_shdepend, d where dbid = d.oid and refclassid = 'pg_authid'::regclass
    union select datdba from d
    union select ${BOOTSTRAP_ROLE}::oid
    union select m.roleid from involved i join member_of m on m.member = i.oid
  ),
  role(oid, facts) as (
    select r.oid, jsonb_strip_nulls(jsonb_build_object(
      'isSuperuser', nullif(r.rolsuper, false),
      'bypassesRowSecurity', nullif(r.rolbypassrls and not r.rolsuper, false),
      'memberOf', (select jsonb_agg(g.rolname order by g.rolname) from member_of m join pg_roles g on g.oid = m.roleid
        where m.member = r.oid),
      'ownsAsSuperuser', (select jsonb_agg(object order by object)
        from (select object from of_superusers s where s.owner = r.oid order by object limit ${FIRST}) s)))
    from pg_roles r join involved i on i.oid = r.oid
  )
select jsonb_strip_nulls(jsonb_build_object(
  'settings', (select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
      'name', split_part(setting, '=', 1), 'value', substr(setting, strpos(setting, '=') + 1),
      'role', (select rolname from pg_roles where oid = s.setrole))) order by s.setrole, setting), '[]')
    from pg_db_role_setting s, unnest(s.setconfig) setting where s.setdatabase = d.oid),
  'monetaryLocale', current_setting('lc_monetary'),
  'money', (select jsonb_build_object('written', written, 'amount', written::numeric::text)
    from (select (-1234567.89)::numeric::money where ${HAS_MONEY}) amount(written)),
  'isHashedByOid', nullif(exists (select from held join pg_type t on t.oid = held.oid
    where t.typtype = 'e'), false),
  'tablespaces', (select coalesce(jsonb_agg(spcname order by spcname), '[]') from pg_tablespace t
    where t.spcname <> 'pg_global' and exists (select from pg_class c where c.reltablespace = t.oid)),
  'extensions', (select coalesce(jsonb_object_agg(e.extname, jsonb_build_object('version', e.extversion, 'schema', n.nspname)), '{}')
    from pg_extension e join pg_namespace n on n.oid = e.extnamespace),
  'owner', (select rolname from pg_roles where oid = d.datdba),
  'roles', (select coalesce(jsonb_agg(jsonb_build_object('name', r.rolname) || o.facts order by r.rolname), '[]')
    from role o join pg_roles r on r.oid = o.oid where o.facts <> '{}'),
  'madeBySuperuser', (select jsonb_agg(object) from (select object from of_superusers order by object limit ${FIRST}) s)
)) from d`;

/** Reads what a dump of the session's database takes for granted. @throws StatementError | PermanentError | RetryableError as the session does */
export async function readDumpNeeds(session: PsqlSession): Promise<DumpNeeds> {
  return await session.queryRow(NEEDS, dumpNeedsSchema);
}
