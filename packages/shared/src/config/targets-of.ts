import type { FoundDatabases } from '../contract/found-databases.ts';
import { GLOBALS } from '../contract/target.ts';
import type { AskedDatabases } from './subjects/postgres.ts';
import { isListed } from './values/database-list.ts';

/**
 * The targets that are backed up now. Every question for them is answered here: a look at the server finds other ones tomorrow.
 *
 * @param found what patterns have found; of no use where all databases are named
 * @returns in the order of POSTGRES_DB, then by name; the globals come last
 */
export function targetsOf(asked: AskedDatabases, found: FoundDatabases | undefined): readonly string[] {
  const there = (found?.databases ?? []).filter(({ goneSince }) => goneSince === undefined);
  const byPattern = there.map(({ database }) => database).filter((name) => isAsked(asked, name));
  return [...new Set([...asked.databases, ...byPattern]), ...(asked.globals === 'off' ? [] : [GLOBALS])];
}

/** Whether a database of the server is to be backed up. A name that is excluded is no target, even if a pattern matches it. */
export function isAsked({ databases, patterns, exclude }: AskedDatabases, database: string): boolean {
  if (databases.includes(database)) return true;
  return isListed(database, { names: [], patterns }) && !isListed(database, exclude);
}

/** Databases that are gone from the server though the settings ask for them; their backups stay. */
export function goneFrom(asked: AskedDatabases, found: FoundDatabases | undefined): FoundDatabases['databases'] {
  return (found?.databases ?? []).filter(
    ({ database, goneSince }) =>
      goneSince !== undefined && isAsked(asked, database) && !asked.databases.includes(database),
  );
}
