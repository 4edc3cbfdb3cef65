import type { Destination, S3Destination } from '@pgstow/shared/contract/destination.ts';
import { isConfirmed } from './is-confirmed.ts';
import type { JudgedDump } from './judged-dump.ts';
import { newestByNow } from './newest-dump.ts';
import { isSuspect } from './suspect-dump.ts';

/** Where a database's newest backup lies, by the rule of three copies on two media with one elsewhere. */
export type Copies = {
  /** The database itself is one of them. */
  readonly copies: number;
  /** The disk of the backup folder is one of them. */
  readonly media: number;
  /** Destinations in another house, as far as their addresses tell. */
  readonly elsewhere: readonly string[];
  readonly holds: boolean;
  /** All of it in words. */
  readonly sentence: string;
};

/**
 * Judges the newest backup that counts by 3-2-1. A folder on the disk of the backup folder is no other medium, and a folder is never
 * elsewhere: a NAS commonly stands in the same house.
 *
 * @param dumps of one database, oldest first
 * @returns `undefined` without a backup
 */
export function judgeCopies(
  dumps: readonly JudgedDump[],
  destinations: readonly Destination[],
  now: Date,
): Copies | undefined {
  const newest = newestByNow(
    dumps.filter((dump) => !isSuspect(dump)),
    now,
  );
  if (newest === undefined) return undefined;
  const holding = destinations.filter((destination) => isConfirmed(newest, destination));
  const isSameDisk = ({ name }: Destination): boolean => newest.receipts.get(name)?.medium === 'same-disk';
  const sharing = holding.filter(isSameDisk).map(({ name }) => name);
  const others = new Set(holding.filter((each) => !isSameDisk(each)).map(mediumKey));
  const elsewhere = holding
    .filter((destination) => !('folder' in destination) && isElsewhere(destination))
    .map(({ name }) => name);
  const copies = holding.length + 2;
  const media = others.size + 1;
  const holds = copies >= 3 && media >= 2 && elsewhere.length > 0;
  const places = ['backup folder', ...holding.map(({ name }) => name)].join(', ');
  const sentence = [
    `3-2-1 ${holds ? 'holds' : 'does not hold'}: ${copies} copies with the database itself (${places})`,
    `on ${media === 1 ? 'one medium' : `${media} media`}${sharing.length === 0 ? '' : ` (${sharing.join(' and ')} is on the disk of the backup folder)`}`,
    elsewhere.length === 0 ? 'none of them elsewhere' : `one of them elsewhere (${elsewhere.join(', ')})`,
  ].join(', ');
  return { copies, media, elsewhere, holds, sentence };
}

/** Two buckets of one store are on one medium. */
function mediumKey(destination: Destination): string {
  return 'folder' in destination ? `folder ${destination.folder}` : `store ${destination.endpoint ?? 'AWS'}`;
}

/** Addresses of this host, of its containers and of its own network. */
const NEAR =
  /^(?:localhost|[^.:]+|127\..*|10\..*|192\.168\..*|172\.(?:1[6-9]|2\d|3[01])\..*|169\.254\..*|\[(?:::1|f[cde].*)\]|.*\.(?:local|lan|internal|home\.arpa))$/i;

function isElsewhere({ endpoint }: S3Destination): boolean {
  return endpoint === undefined || !NEAR.test(new URL(endpoint).hostname);
}

/** Says it once for all databases of which it is the same. */
export function describeCopies(
  databases: readonly { readonly shown: string; readonly copies: Copies | undefined }[],
): readonly string[] {
  const told = databases.flatMap(({ shown, copies }) => (copies === undefined ? [] : [{ shown, copies }]));
  return [...Map.groupBy(told, ({ copies }) => copies.sentence)].map(([sentence, those]) => {
    const names = those.length > 3 ? `${those.length} databases` : those.map(({ shown }) => shown).join(', ');
    return `${names}: ${sentence}`;
  });
}
