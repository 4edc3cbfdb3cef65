import { quoteIdentifier } from '@pgstow/postgres/client/sql-quote.ts';
import type { NeededRole } from '@pgstow/shared/contract/dump-needs.ts';
import { refusal } from '../exit-codes.ts';
import { warn } from '../format/warn.ts';
import type { RolesThere } from './target-facts.ts';
import { listNames } from './wanted-roles.ts';

type Circumstances = {
  /** Objects of the dump that only a superuser may create. */
  readonly madeBySuperuser: readonly string[];
  /** Whether the dump holds all that its source did. */
  readonly isWhole: boolean;
};

/**
 * Says before a restore begins which roles must be superusers for it, with the SQL. The last thing in a dump may be an event trigger.
 *
 * It refuses what PostgreSQL is certain to refuse. A hosted server may let its own kind of administrator do what PostgreSQL leaves
 * to superusers, so a restore by another role is tried, and warned of.
 *
 * @param roles that the dump names
 * @throws ExitError
 */
export function assertSuperusers(
  roles: readonly NeededRole[],
  { there, self, isSuperuser }: RolesThere,
  { madeBySuperuser, isWhole }: Circumstances,
): void {
  const none = roles.filter(({ name }) => there[name] !== true);
  const owners = none.filter(({ ownsAsSuperuser }) => ownsAsSuperuser !== undefined);
  if (owners.length > 0) {
    const owned = owners.map(
      ({ name, ownsAsSuperuser = [] }) => `${JSON.stringify(name)} (${ownsAsSuperuser.join(', ')})`,
    );
    const what = `roles own what only a superuser may own, and are no superusers on the target server: ${owned.join('; ')}`;
    const sql = makeSuperusers(owners, there);
    if (isWhole && isSuperuser)
      throw refusal(
        what,
        `Make them superusers first, at least until the restore is done: ${sql} Or take a dump without owners: POSTGRES_EXTRA_OPTS=--no-owner.`,
      );
    warn(`${what}; if the restore fails for it: ${sql}`);
  }
  if (madeBySuperuser.length > 0 && !isSuperuser)
    warn(
      `only a superuser may create ${madeBySuperuser.join(', ')}; if the restore fails for it, restore as one: ALTER ROLE ${quoteIdentifier(self)} SUPERUSER;`,
    );
  const former = none.filter(({ isSuperuser: was, ownsAsSuperuser }) => was === true && ownsAsSuperuser === undefined);
  if (former.length > 0)
    console.log(
      `superusers at the source, but not on the target server: ${listNames(former)}; if the restore fails with "permission denied": ${makeSuperusers(former, there)}`,
    );
}

function makeSuperusers(roles: readonly NeededRole[], there: RolesThere['there']): string {
  return roles
    .map(({ name }) =>
      there[name] === undefined
        ? `CREATE ROLE ${quoteIdentifier(name)} SUPERUSER NOLOGIN;`
        : `ALTER ROLE ${quoteIdentifier(name)} SUPERUSER;`,
    )
    .join(' ');
}
