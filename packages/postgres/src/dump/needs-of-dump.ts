import { pairExtraOptions } from '@pgstow/shared/config/values/extra-options.ts';
import type { DumpNeeds, NeededRole } from '@pgstow/shared/contract/dump-needs.ts';

/**
 * Takes out of what a database needs what this dump of it does not: its options may leave owners and tablespaces out, and other
 * dumps of the same server name other roles.
 *
 * @param roles that the dump names; `undefined` if they cannot be read
 */
export function needsOfDump(
  needs: DumpNeeds,
  roles: readonly string[] | undefined,
  extraOptions: readonly string[],
): DumpNeeds {
  const options = new Set(pairExtraOptions(extraOptions).map(([option]) => option));
  const hasOwners = !options.has('--no-owner') && !options.has('-O');
  const named = roles === undefined ? needs.roles : withGroups([...roles, needs.owner ?? ''], needs.roles ?? []);
  return {
    ...needs,
    ...(options.has('--no-tablespaces') ? { tablespaces: [] } : {}),
    ...(needs.roles === undefined ? {} : { roles: named?.map((role) => (hasOwners ? role : withoutOwned(role))) }),
  };
}

/** Facts of the named roles and of those whose rights they have. */
function withGroups(names: readonly string[], facts: readonly NeededRole[]): NeededRole[] {
  const wanted = new Set(names);
  const byName = new Map(facts.map((role) => [role.name, role]));
  // A set that grows meanwhile is walked to its end.
  for (const name of wanted) for (const group of byName.get(name)?.memberOf ?? []) wanted.add(group);
  return facts.filter(({ name }) => wanted.has(name));
}

function withoutOwned(role: NeededRole): NeededRole {
  const { ownsAsSuperuser: _, ...rest } = role;
  return rest;
}
