import type { Destination } from '@pgstow/shared/contract/destination.ts';
import type { PublishedCatalog, PublishedDatabase } from '@pgstow/shared/contract/published-catalog.ts';
import { receiptIsOf } from '@pgstow/shared/contract/receipt.ts';
import { allRecorded, type FolderContents, type KnownDump } from '../folder/read-folder.ts';
import { decisiveRestoreTest } from '../policy/decisive-restore-test.ts';
import { isConfirmed, isConfirmedEverywhere, isSettled, lackingOf } from '../policy/is-confirmed.ts';
import { newestByNow } from '../policy/newest-dump.ts';
import { whyFrozen } from '../policy/retention-policy.ts';
import { isSuspect } from '../policy/suspect-dump.ts';
import { findTesting, testedPlaces } from '../policy/verdict-age-policy.ts';
import { shortenDump } from './published-dump.ts';

export type SummaryOptions = {
  readonly contents: FolderContents;
  readonly disk: Pick<PublishedCatalog['folder'], 'freeBytes' | 'totalBytes'>;
  /** The destinations that are to confirm dumps; empty where backups stay local. */
  readonly destinations: readonly Destination[];
  readonly now: Date;
};

/** Newest dumps of a database, and the fewest where there are many databases. */
const NEWEST = { most: 50, fewest: 3 } as const;
/** Newest dumps of all databases: each takes most of a kilobyte, and the whole is published after each change. */
const NEWEST_IN_ALL = 2500;
const MOST_FAULTS = 20;

/** Summarises what a folder holds. The summary grows with the number of databases, not of dumps. */
export function summariseFolder({ contents, disk, destinations, now }: SummaryOptions): PublishedCatalog {
  const byDatabase = [...Map.groupBy(allRecorded(contents), ({ manifest }) => manifest.database)];
  const elsewhere = new Set(contents.elsewhere);
  const share = Math.floor(NEWEST_IN_ALL / Math.max(1, byDatabase.length));
  const newest = Math.min(NEWEST.most, Math.max(NEWEST.fewest, share));
  return {
    version: 1,
    publishedAt: now.toISOString(),
    databases: byDatabase
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([database, dumps]) =>
        summariseDatabase(database, dumps, {
          destinations,
          now,
          newest,
          here: elsewhere.size === 0 ? dumps : dumps.filter((dump) => !elsewhere.has(dump)),
          damaged: contents.damaged.get(database),
        }),
      ),
    folder: {
      ...disk,
      strays: contents.strays.length,
      faults: contents.faults.slice(0, MOST_FAULTS),
      faultCount: contents.faults.length,
    },
  };
}

function summariseDatabase(
  database: string,
  dumps: readonly KnownDump[],
  {
    destinations,
    now,
    newest,
    here,
    damaged,
  }: Pick<SummaryOptions, 'destinations' | 'now'> & {
    readonly newest: number;
    /** Those of its dumps that lie in the folder. */
    readonly here: readonly KnownDump[];
    readonly damaged: string | undefined;
  },
): PublishedDatabase {
  const waiting = here.filter((dump) => lackingOf(dump, destinations).length > 0);
  const frozen = whyFrozen(here, now, damaged);
  const recordedAt = waiting.map(({ manifest }) => manifest.recordedAt).sort();
  return {
    database,
    dumps: chooseDumps(dumps, newest, destinations, now).map(shortenDump),
    count: here.length,
    bytes: sumBytes(here),
    uploaded: sumUploaded(here),
    notUploaded: { count: waiting.length, oldestRecordedAt: recordedAt[0] },
    frozen: frozen?.reason,
    frozenBy: frozen?.by,
  };
}

/** The newest dumps, and each older one that decides on its database's health. Oldest first. */
function chooseDumps(
  dumps: readonly KnownDump[],
  newest: number,
  destinations: readonly Destination[],
  now: Date,
): readonly KnownDump[] {
  const older = dumps.slice(0, -newest);
  const hasVerdict = (dump: KnownDump): boolean =>
    !['could-not-tell', undefined].includes(decisiveRestoreTest(dump)?.result);
  const chosen = new Set([
    newestByNow(dumps, now),
    ...testedPlaces(destinations).flatMap((place) => Object.values(findTesting(dumps, place, now))),
    ...destinations.flatMap((destination) => [
      newestByNow(
        dumps.filter((dump) => !isSuspect(dump) && isConfirmed(dump, destination)),
        now,
      ),
      older.find((dump) => !isSettled(dump, destination)),
    ]),
    newestByNow(
      dumps.filter((dump) => !isSuspect(dump) && isConfirmedEverywhere(dump, destinations)),
      now,
    ),
    newestByNow(dumps.filter(hasVerdict), now),
    ...dumps.slice(-newest),
  ]);
  return dumps.filter((dump) => chosen.has(dump));
}

function sumUploaded(dumps: readonly KnownDump[]): PublishedDatabase['uploaded'] {
  const receipts = dumps.flatMap((dump) =>
    [...dump.receipts.values()]
      .filter((receipt) => receipt.prunedAt === undefined && receiptIsOf(receipt, dump.manifest))
      .map(({ destination }) => ({ destination, dump })),
  );
  const byDestination = [...Map.groupBy(receipts, ({ destination }) => destination)];
  return byDestination.map(([destination, group]) => {
    const there = group.map(({ dump }) => dump);
    return { destination, count: there.length, bytes: sumBytes(there) };
  });
}

function sumBytes(dumps: readonly KnownDump[]): number {
  return dumps.reduce((sum, { manifest }) => sum + manifest.bytes, 0);
}
