import { quoteIdentifier } from '@pgstow/postgres/client/sql-quote.ts';
import { MADE_BY_USERS } from '@pgstow/postgres/facts/made-by-users.ts';
import type { NeededRole } from '@pgstow/shared/contract/dump-needs.ts';

export type BeforeOptions = {
  /** Roles to create, with what is known of them at the source. */
  readonly roles: readonly NeededRole[];
  /** Whether the role that restores is a superuser. */
  readonly isSuperuser: boolean;
  /** Whether the target's contents are dropped. */
  readonly isForced: boolean;
};

/** SQL that runs in the restore's own transaction before the dump, so that a restore that fails takes it back. */
export function sqlBeforeRestore({ roles, isSuperuser, isForced }: BeforeOptions): string {
  const creations = isSuperuser ? createRoles(roles) : roles.flatMap(createOwnRole);
  return [...creations, ...(isForced ? [DROP_ALL] : [])].join('\n');
}

/**
 * Statements that create roles with the rights that they had at the source, but none as a superuser.
 *
 * @param superusers those that become superusers nevertheless
 */
export function createRoles(
  roles: readonly NeededRole[],
  superusers: ReadonlySet<string> = new Set(),
): readonly string[] {
  return [
    ...roles.map(({ name, bypassesRowSecurity }) => {
      const more = superusers.has(name) ? ' SUPERUSER' : bypassesRowSecurity === true ? ' BYPASSRLS' : '';
      return `CREATE ROLE ${quoteIdentifier(name)} NOLOGIN${more};`;
    }),
    ...roles.flatMap(({ name, memberOf = [] }) =>
      memberOf.map((group) => `GRANT ${quoteIdentifier(group)} TO ${quoteIdentifier(name)};`),
    ),
  ];
}

/** Only a superuser may give things to a role that it is not a member of. */
function createOwnRole({ name }: NeededRole): readonly string[] {
  const quoted = quoteIdentifier(name);
  return [`CREATE ROLE ${quoted} NOLOGIN;`, `GRANT ${quoted} TO CURRENT_USER;`];
}

/**
 * Drops what a user has made in a database: schemas with all that is in them, what lies in `public` and belongs to no
 * extension, and what lies in no schema. Event triggers go first: they would fire for all the rest. Extensions in `public`
 * stay, because a dump creates only missing ones; rows that a dump holds of their tables go. It waits at most five minutes for a table that is in use.
 */
const DROP_ALL = `SET LOCAL lock_timeout = '5min';
DO $pgstow$
DECLARE
  made record;
  -- Of each kind, how it is dropped; in the order in which they go.
  kinds constant text[] := array['event trigger', 'publication', 'schema', 'view', 'materialized view', 'foreign table',
    'table', 'sequence', 'function', 'procedure', 'aggregate', 'operator class', 'operator family', 'operator', 'type',
    'text search configuration', 'text search dictionary', 'text search template',
    'text search parser', 'conversion', 'collation', 'statistics object', 'server', 'foreign-data wrapper', 'cast',
    'language', 'access method'];
BEGIN
  CREATE TEMPORARY TABLE pgstow_made ON COMMIT DROP AS
  SELECT i.type, i.identity FROM (${MADE_BY_USERS}) thing,
    LATERAL pg_catalog.pg_identify_object(classid, objid, 0) i;
  FOR made IN SELECT type, identity FROM pg_temp.pgstow_made ORDER BY pg_catalog.array_position(kinds, type) LOOP
    EXECUTE format('DROP %s IF EXISTS %s CASCADE', CASE made.type
      WHEN 'foreign-data wrapper' THEN 'FOREIGN DATA WRAPPER'
      WHEN 'statistics object' THEN 'STATISTICS' ELSE made.type END, made.identity);
  END LOOP;
  DROP TABLE pg_temp.pgstow_made;
  -- A table that refers to another one is registered after it.
  FOR made IN SELECT c.oid::regclass AS name, r.condition
    FROM pg_catalog.pg_extension e, unnest(e.extconfig, e.extcondition) WITH ORDINALITY r(oid, condition, at)
    JOIN pg_catalog.pg_class c ON c.oid = r.oid WHERE c.relkind = 'r' ORDER BY e.oid DESC, r.at DESC LOOP
    EXECUTE format('DELETE FROM ONLY %s %s', made.name, made.condition);
  END LOOP;
  PERFORM pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata;
END
$pgstow$;`;
