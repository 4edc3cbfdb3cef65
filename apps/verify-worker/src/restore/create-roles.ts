import { quoteIdentifier, quoteLiteral } from '@pgstow/postgres/client/sql-quote.ts';
import type { ScratchServer } from '@pgstow/scratch/scratch-server.ts';
import type { NeededRole } from '@pgstow/shared/contract/dump-needs.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';

/**
 * Creates the roles that the server lacks, without a login, as they are at the source: what a dump's materialized views and indexes
 * read, they read with the rights of their owners.
 *
 * Roles of a manifest that does not say how they are become superusers, because some of what they own (an event trigger, a
 * foreign-data wrapper) may belong to a superuser alone. For that reason an owner of such a thing becomes one in any case: it may
 * have been a superuser once.
 *
 * @param named roles that the dump names
 */
export async function createRoles(
  server: ScratchServer,
  { needs }: Pick<Manifest, 'needs'>,
  named: readonly string[],
): Promise<void> {
  const known = needs?.roles;
  const facts = new Map(known?.map((role) => [role.name, role]));
  const groups = known?.flatMap(({ memberOf = [] }) => memberOf) ?? [];
  const owner = known === undefined || needs?.owner === undefined ? [] : [needs.owner];
  const names = new Set([...named, ...facts.keys(), ...groups, ...owner]);
  const creations = [...names].map((name) =>
    createRole(name, known === undefined ? 'superuser' : attributesOf(facts.get(name))),
  );
  const grants = [...facts.values()].flatMap(({ name, memberOf = [] }) => memberOf.map((group) => grant(group, name)));
  if (names.size > 0) await server.query('postgres', [...creations, ...grants].join('\n'));
}

function attributesOf({ isSuperuser, ownsAsSuperuser, bypassesRowSecurity }: Partial<NeededRole> = {}): string {
  if (isSuperuser === true || ownsAsSuperuser !== undefined) return 'superuser';
  return bypassesRowSecurity === true ? 'bypassrls' : '';
}

/** A role of PostgreSQL's own exists, or belongs to another server's version. */
function createRole(name: string, attributes: string): string {
  if (name.startsWith('pg_')) return '';
  return `select count(*) = 0 as missing from pg_roles where rolname = ${quoteLiteral(name)} \\gset
\\if :missing
create role ${quoteIdentifier(name)} nologin ${attributes};
\\endif`;
}

function grant(group: string, member: string): string {
  const isThere = [group, member].map((name) => `(select from pg_roles where rolname = ${quoteLiteral(name)})`);
  return `select ${isThere.map((role) => `exists ${role}`).join(' and ')} as there \\gset
\\if :there
grant ${quoteIdentifier(group)} to ${quoteIdentifier(member)};
\\endif`;
}
