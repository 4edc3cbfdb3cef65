import type { FoundDatabase, FoundDatabases } from '@pgstow/shared/contract/found-databases.ts';

/** Answer of a server that was asked which databases it has. */
export type ServerDatabases = {
  readonly at: Date;
  readonly systemIdentifier?: string | undefined;
  /** Databases that can be connected to and are no templates. */
  readonly databases: readonly Pick<FoundDatabase, 'database' | 'oid'>[];
};

/** A database of which the folder has dumps. */
export type BackedUp = { readonly database: string; readonly firstTakenAt: string; readonly lastTakenAt: string };

export type FoundJudgement = {
  readonly found: FoundDatabases;
  /** Changes since the last look, a sentence each. */
  readonly news: readonly string[];
  /** Why databases that are missing do not count as gone, in a sentence. */
  readonly doubt: string | undefined;
};

/**
 * Compares a server's databases with those that were found before. A database that is missing is gone, unless another server may
 * have answered: then it stays a target, so its failing dumps raise an alarm. One that is gone is remembered as long as it has
 * dumps.
 *
 * @param isAsked whether a database is to be found
 * @param backedUp databases with dumps in the folder: one that was dumped before anything was found may be gone as well
 */
export function judgeFound(
  before: FoundDatabases | undefined,
  server: ServerDatabases,
  { isAsked, backedUp }: { readonly isAsked: (name: string) => boolean; readonly backedUp: readonly BackedUp[] },
): FoundJudgement {
  const at = server.at.toISOString();
  const there = new Set(server.databases.map(({ database }) => database));
  const known = new Map(before?.databases.map((each) => [each.database, each]));
  for (const { database, firstTakenAt, lastTakenAt } of backedUp)
    if (!known.has(database)) known.set(database, { database, firstSeenAt: firstTakenAt, lastSeenAt: lastTakenAt });
  const missing = [...known.values()].filter(({ database }) => !there.has(database));
  const doubt = whyDoubtful(before, server, missing.filter(isThereAndAsked));

  const news: string[] = [];
  const present = server.databases.map(({ database, oid }): FoundDatabase => {
    const earlier = known.get(database);
    const isNew = earlier === undefined || earlier.goneSince !== undefined;
    if (isNew && isAsked(database) && before !== undefined)
      news.push(`${JSON.stringify(database)} is ${earlier === undefined ? 'new' : 'back'}`);
    return { database, oid, firstSeenAt: earlier?.firstSeenAt ?? at, lastSeenAt: at };
  });
  const hasDumps = new Set(backedUp.map(({ database }) => database));
  const absent = missing.flatMap((each): readonly FoundDatabase[] => {
    if (doubt !== undefined && each.goneSince === undefined) return [each];
    if (!hasDumps.has(each.database)) return [];
    if (each.goneSince !== undefined) return [each];
    const renamed = findRenamed(each, server, known);
    const toWhat = renamed === undefined ? 'is gone from the server' : `was renamed to ${JSON.stringify(renamed)}`;
    if (isAsked(each.database)) news.push(`${JSON.stringify(each.database)} ${toWhat}; its backups stay`);
    return [{ ...each, goneSince: at, ...(renamed === undefined ? {} : { renamedTo: renamed }) }];
  });
  const databases = [...present, ...absent].sort((a, b) => (a.database < b.database ? -1 : 1));
  // As long as it is in doubt, the server that had them is the one to compare with.
  const systemIdentifier = doubt === undefined ? server.systemIdentifier : before?.systemIdentifier;
  const identity = systemIdentifier === undefined ? {} : { systemIdentifier };
  return { found: { version: 1, lookedAt: at, ...identity, databases }, news, doubt };

  function isThereAndAsked({ database, goneSince }: FoundDatabase): boolean {
    return goneSince === undefined && isAsked(database);
  }
}

/** Without a cluster's number, a server that lacks so much is taken for another one. */
const MOST_MISSING = 0.5;

function whyDoubtful(
  before: FoundDatabases | undefined,
  { systemIdentifier }: ServerDatabases,
  missing: readonly FoundDatabase[],
): string | undefined {
  if (before === undefined || missing.length === 0) return undefined;
  const names = missing
    .slice(0, 3)
    .map(({ database }) => JSON.stringify(database))
    .join(', ');
  const lacks = `${names}${missing.length > 3 ? ` and ${missing.length - 3} more` : ''}`;
  if (systemIdentifier !== undefined && before.systemIdentifier !== undefined)
    return systemIdentifier === before.systemIdentifier
      ? undefined
      : `it is another server (system identifier ${systemIdentifier}, not ${before.systemIdentifier}), and lacks ${lacks}`;
  const were = before.databases.filter(({ goneSince }) => goneSince === undefined).length;
  return missing.length <= were * MOST_MISSING
    ? undefined
    : `it lacks ${lacks}, and the role that dumps may not read whether it is the same server`;
}

/** The name under which a database is there now: one that was not known, with its oid. */
function findRenamed(
  { oid }: FoundDatabase,
  { databases }: ServerDatabases,
  known: ReadonlyMap<string, FoundDatabase>,
): string | undefined {
  if (oid === undefined) return undefined;
  return databases.find((each) => each.oid === oid && known.get(each.database)?.oid !== oid)?.database;
}
