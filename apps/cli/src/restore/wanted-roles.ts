import type { NeededRole } from '@pgstow/shared/contract/dump-needs.ts';
import type { RolesThere } from './target-facts.ts';

/**
 * Roles that a restore needs: those that the dump names, and those whose rights they have.
 *
 * @param known facts of roles; a role without an entry has none
 */
export function wantedRoles(named: readonly string[], known: readonly NeededRole[] = []): readonly NeededRole[] {
  const facts = new Map(known.map((role) => [role.name, role]));
  const names = new Set(named);
  // A set that grows meanwhile is walked to its end.
  for (const name of names) for (const group of facts.get(name)?.memberOf ?? []) names.add(group);
  return [...names].sort().map((name) => facts.get(name) ?? { name });
}

/**
 * Roles to create: those that the dump names and, where a superuser restores, those whose rights they had. Roles that are there stay
 * as they are.
 */
export function missingRoles(
  named: readonly string[],
  known: readonly NeededRole[] | undefined,
  { there, isSuperuser }: RolesThere,
): readonly NeededRole[] {
  const isMissing = (name: string): boolean => there[name] === undefined && !name.startsWith('pg_');
  const missing = named.filter(isMissing);
  if (!isSuperuser) return missing.map((name) => ({ name }));
  const created = wantedRoles(missing, known).filter(({ name }) => isMissing(name));
  const names = new Set([...Object.keys(there), ...created.map(({ name }) => name)]);
  return created.map(({ memberOf = [], ...role }) => ({
    ...role,
    memberOf: memberOf.filter((group) => names.has(group)),
  }));
}

export function listNames(roles: readonly NeededRole[]): string {
  return roles.map(({ name }) => JSON.stringify(name)).join(', ');
}
