import { z } from 'zod';
import type { PsqlSession } from '../client/psql-session.ts';

const rightsSchema = z.array(
  z.object({
    /** `null` for everybody. */
    grantee: z.string().nullable(),
    privilege: z.string(),
    isGrantable: z.boolean(),
  }),
);

export type Rights = z.infer<typeof rightsSchema>;

const roleSchema = z.object({
  name: z.string(),
  /** In the words of CREATE ROLE. */
  attributes: z.array(z.string()),
  connectionLimit: z.int(),
  validUntil: z.string().nullable(),
  comment: z.string().nullable(),
});

const membershipSchema = z.object({
  role: z.string(),
  member: z.string(),
  /** In the words of GRANT; `INHERIT` and `SET` since version 16, where each membership has its own. */
  options: z.array(z.string()),
});

const settingSchema = z.object({
  /** `null` for every database. */
  database: z.string().nullable(),
  /** `null` for every role. */
  role: z.string().nullable(),
  name: z.string(),
  value: z.string(),
});

export type GlobalSetting = z.infer<typeof settingSchema>;

const tablespaceSchema = z.object({
  name: z.string(),
  owner: z.string(),
  options: z.array(z.string()),
  rights: rightsSchema,
  comment: z.string().nullable(),
});

const databaseSchema = z.object({
  name: z.string(),
  owner: z.string(),
  encoding: z.string(),
  collate: z.string(),
  ctype: z.string(),
  localeProvider: z.enum(['libc', 'icu', 'builtin']).nullable(),
  locale: z.string().nullable(),
  icuRules: z.string().nullable(),
  tablespace: z.string(),
  connectionLimit: z.int(),
  isTemplate: z.boolean(),
  allowsConnections: z.boolean(),
  rights: rightsSchema,
  /** Whether nobody has granted or revoked anything. */
  hasDefaultRights: z.boolean(),
  comment: z.string().nullable(),
});

export type GlobalDatabase = z.infer<typeof databaseSchema>;

const globalsSchema = z.object({
  /** The superuser that initdb made. */
  bootstrap: z.string(),
  roles: z.array(roleSchema),
  memberships: z.array(membershipSchema),
  settings: z.array(settingSchema),
  tablespaces: z.array(tablespaceSchema),
  databases: z.array(databaseSchema),
});

const parametersSchema = z.array(z.object({ name: z.string(), rights: rightsSchema }));

/** Everything that the databases of a server share, and what a dump of one database does not hold of itself; without passwords. */
export type ServerGlobals = z.infer<typeof globalsSchema> & {
  /** Settings that roles may change; none before version 15. */
  readonly parameters: z.infer<typeof parametersSchema>;
};

/** @param list an SQL expression of type aclitem[] */
function rights(list: string): string {
  return `(select coalesce(jsonb_agg(jsonb_build_object('grantee', case a.grantee when 0 then null else pg_get_userbyid(a.grantee) end,
    'privilege', a.privilege_type, 'isGrantable', a.is_grantable)
    order by a.grantee <> 0, pg_get_userbyid(a.grantee), a.privilege_type), '[]') from aclexplode(${list}) a)`;
}

const ALL = (rows: string): string => `(select coalesce(jsonb_agg(to_jsonb(r)), '[]') from (${rows}) r)`;

/**
 * Any role may read this. A setting is kept as `name=value`. Roles whose names begin with `pg_` are the server's own, and so are its
 * first two tablespaces and template0. A limit of -2 connections marks what an interrupted DROP DATABASE has left.
 */
const GLOBALS = `
select jsonb_build_object(
  'bootstrap', (select rolname from pg_roles where oid = 10),
  'roles', ${ALL(`
    select rolname as name, to_jsonb(array_remove(array[
        case when rolsuper then 'SUPERUSER' end, case when not rolinherit then 'NOINHERIT' end,
        case when rolcreaterole then 'CREATEROLE' end, case when rolcreatedb then 'CREATEDB' end,
        case when rolcanlogin then 'LOGIN' end, case when rolreplication then 'REPLICATION' end,
        case when rolbypassrls then 'BYPASSRLS' end], null)) as attributes,
      rolconnlimit as "connectionLimit",
      case when isfinite(rolvaliduntil) then to_char(rolvaliduntil at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US BC')
        else rolvaliduntil::text end as "validUntil",
      shobj_description(oid, 'pg_authid') as comment
    from pg_roles where rolname !~ '^pg_' order by rolname`)},
  'memberships', ${ALL(`
    select g.rolname as role, m.rolname as member, to_jsonb(array_remove(array[
        case when bool_or(a.admin_option) then 'ADMIN' end,
        case when bool_or((to_jsonb(a) ->> 'inherit_option')::boolean) then 'INHERIT' end,
        case when bool_or((to_jsonb(a) ->> 'set_option')::boolean) then 'SET' end], null)) as options
    from pg_auth_members a join pg_roles g on g.oid = a.roleid join pg_roles m on m.oid = a.member
    where m.rolname !~ '^pg_' group by 1, 2 order by 1, 2`)},
  'settings', ${ALL(`
    select d.datname as database, r.rolname as role, split_part(c, '=', 1) as name,
      substr(c, position('=' in c) + 1) as value
    from pg_db_role_setting s left join pg_database d on d.oid = s.setdatabase left join pg_roles r on r.oid = s.setrole,
      unnest(s.setconfig) c
    where (s.setdatabase = 0 or d.oid is not null) and (s.setrole = 0 or r.oid is not null)
    order by 1 nulls first, 2 nulls first, 3`)},
  'tablespaces', ${ALL(`
    select spcname as name, pg_get_userbyid(spcowner) as owner, to_jsonb(coalesce(spcoptions, '{}')) as options,
      ${rights("coalesce(spcacl, acldefault('t', spcowner))")} as rights, shobj_description(t.oid, 'pg_tablespace') as comment
    from pg_tablespace t where spcname !~ '^pg_' order by spcname`)},
  'databases', ${ALL(`
    select datname as name, pg_get_userbyid(datdba) as owner, pg_encoding_to_char(encoding) as encoding,
      datcollate as collate, datctype as ctype,
      case to_jsonb(d) ->> 'datlocprovider' when 'c' then 'libc' when 'i' then 'icu' when 'b' then 'builtin' end
        as "localeProvider",
      coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') as locale,
      to_jsonb(d) ->> 'daticurules' as "icuRules",
      (select spcname from pg_tablespace t where t.oid = dattablespace) as tablespace,
      datconnlimit as "connectionLimit", datistemplate as "isTemplate", datallowconn as "allowsConnections",
      ${rights("coalesce(datacl, acldefault('d', datdba))")} as rights, datacl is null as "hasDefaultRights",
      shobj_description(d.oid, 'pg_database') as comment
    from pg_database d where datname <> 'template0' and datconnlimit <> -2 order by datname`)}
)`;

const PARAMETERS = `
select ${ALL(`select parname as name, ${rights('paracl')} as rights from pg_parameter_acl order by parname`)}`;
const PARAMETERS_SINCE = 15;

/** @throws StatementError | PermanentError | RetryableError as the session does */
export async function readServerGlobals(session: PsqlSession, major: number): Promise<ServerGlobals> {
  const globals = await session.queryRow(GLOBALS, globalsSchema);
  const parameters = major < PARAMETERS_SINCE ? [] : await session.queryRow(PARAMETERS, parametersSchema);
  return { ...globals, parameters };
}
