// SQL for the objects that users have made in a database. A dump holds them, a target is empty without them, and `restore
// --force` drops them.

/** The condition that a schema is neither PostgreSQL's own nor a session's temporary one. */
export function isUsersSchema(name: string): string {
  return `${name} !~ '^pg_' and ${name} <> 'information_schema'`;
}

/** The condition that an object of a catalog belongs to no extension. */
export function isOfNoExtension(alias: string): string {
  return dependsNot(`${alias}.tableoid`, `${alias}.oid`, "= 'e'");
}

/**
 * The condition that a dump holds the rows or the value of a relation. An extension's relation counts if the extension registered it.
 * Source: https://www.postgresql.org/docs/current/extend-extensions.html#EXTEND-EXTENSIONS-CONFIG-TABLES
 */
export function isDumped(alias: string): string {
  return `(${alias}.oid in (select unnest(extconfig) from pg_extension) or ${isOfNoExtension(alias)})`;
}

/** A partitioned table depends on its own key, in the way of a part of another object. */
function dependsNot(classid: string, objid: string, type: string): string {
  return `not exists (select from pg_catalog.pg_depend d
    where d.classid = ${classid} and d.objid = ${objid} and d.deptype ${type}
      and not (d.refclassid = d.classid and d.refobjid = d.objid))`;
}

/** initdb makes only objects of smaller numbers. Source: https://www.postgresql.org/docs/current/system-catalog-initial-data.html#SYSTEM-CATALOG-OID-ASSIGNMENT */
export const FIRST_OF_USERS = 16_384;

/** Catalogs of objects that stand for themselves, with a condition for their rows. */
const CATALOGS: Readonly<Record<string, string>> = {
  pg_event_trigger: '',
  pg_publication: '',
  pg_namespace: " WHERE nspname !~ '^pg_' AND nspname <> 'public'",
  pg_class: " WHERE relpersistence <> 't' AND relkind IN ('v', 'm', 'f', 'r', 'p', 'S')",
  pg_proc: '',
  pg_opclass: '',
  pg_opfamily: '',
  pg_operator: '',
  pg_type: " WHERE typtype IN ('c', 'd', 'e', 'r') OR typtype = 'b' AND typelem = 0",
  pg_ts_config: '',
  pg_ts_dict: '',
  pg_ts_template: '',
  pg_ts_parser: '',
  pg_conversion: '',
  pg_collation: '',
  pg_statistic_ext: '',
  pg_foreign_server: '',
  pg_foreign_data_wrapper: '',
  pg_cast: '',
  pg_language: '',
  pg_am: '',
};

/** Lists all of them but large objects, as `classid` and `objid`. A part of another object is not listed. */
export const MADE_BY_USERS = `
SELECT classid, objid FROM (
  ${Object.entries(CATALOGS)
    .map(([catalog, where]) => `SELECT tableoid, oid FROM pg_catalog.${catalog}${where}`)
    .join('\n  UNION ALL ')}
) thing (classid, objid)
WHERE objid >= ${FIRST_OF_USERS} AND ${dependsNot('thing.classid', 'thing.objid', "IN ('e', 'i')")}`;
