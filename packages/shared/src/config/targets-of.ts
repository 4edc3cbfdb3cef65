import type { FoundDatabases } from '../contract/found-databases.ts';
import { EVERY_DATABASE, GLOBALS } from '../contract/target.ts';
import type { AskedDatabases } from './subjects/postgres.ts';
import { isListed } from './values/database-list.ts';

/**
 * The targets that are backed up now. Every question for them is answered here: a look at the server finds other ones tomorrow.
 *
 * @param found what patterns have found; of no use where all databases are named. Before the first look, the look itself is waited for
 * @returns in the order of POSTGRES_DB, then by name; the globals come last
 */
export function targetsOf(asked: AskedDatabases, found: FoundDatabases | undefined): readonly string[] {
  const there = (found?.databases ?? []).filter(({ goneSince }) => goneSince === undefined);
  const byPattern = there.map(({ database }) => database).filter((name) => isAsked(asked, name));
  const isUnknown = asked.patterns.length > 0 && found === undefined;
  return [
    ...new Set([...asked.databases, ...byPattern]),
    ...(isUnknown ? [EVERY_DATABASE] : []),
    ...(asked.globals === 'off' ? [] : [GLOBALS]),
  ];
}

/** The targets that have schedule entries of their own: where databases are found, one job asks for the dumps of all. */
export function scheduledTargets(asked: AskedDatabases): readonly string[] {
  return asked.patterns.length > 0 ? [EVERY_DATABASE] : targetsOf(asked, undefined);
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
