import type { KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { isConfirmed } from '@pgstow/catalog/policy/is-confirmed.ts';
import { formatBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { ArchivedError } from '@pgstow/store/archived-error.ts';
import { HiddenError } from '@pgstow/store/hidden-error.ts';
import { dumpKey, keyPrefix, parseObjectKey } from '@pgstow/store/object-key.ts';
import type { Store } from '@pgstow/store/store.ts';
import { readStoredManifest } from '@pgstow/store/stored-manifest.ts';
import pMap from 'p-map';

/** Requests to one store at a time. */
const CONCURRENCY = 16;
/** Faults of one kind that are shown. */
const SHOWN_FAULTS = 5;

/** The contents of a store, by its own word. */
export type StoreContents = {
  readonly place: string;
  /** Dumps that count. */
  readonly held: ReadonlyMap<BackupName, { readonly manifest: Manifest; readonly bytes: number }>;
  /** Sizes of objects without a manifest. */
  readonly bare: ReadonlyMap<BackupName, number>;
  readonly faults: readonly string[];
};

export type ReadStoreOptions = {
  /** The folder's dumps among those wanted: their manifests need not be read at the store. */
  readonly dumps: ReadonlyMap<BackupName, KnownDump>;
  readonly databases: readonly string[] | undefined;
  readonly isWanted: (name: BackupName) => boolean;
  readonly signal: AbortSignal;
};

/**
 * Lists what a store holds, and reads the manifests of what is not in the folder. A store that is away is a fault.
 *
 * @throws the reason of the signal
 */
export async function readStore(store: Store, options: ReadStoreOptions): Promise<StoreContents> {
  const { dumps, signal } = options;
  const { destination } = store;
  const held = new Map<BackupName, { manifest: Manifest; bytes: number }>();
  const bare = new Map<BackupName, number>();
  let listing: Listing;
  try {
    listing = await readListing(store, options);
  } catch (error) {
    signal.throwIfAborted();
    // What it held when it last confirmed is better than nothing.
    for (const [name, dump] of dumps)
      if (isConfirmed(dump, destination)) held.set(name, { manifest: dump.manifest, bytes: dump.manifest.bytes });
    const faults = [
      `${destination.name} cannot be read, and what it holds is told from the folder's receipts: ${describeError(error)}`,
    ];
    return { place: destination.name, held, bare, faults };
  }

  const refuted: string[] = [];
  const unread: string[] = [];
  let away: unknown;
  const take = (name: BackupName, bytes: number, manifest: Manifest): void => {
    if (manifest.bytes === bytes) held.set(name, { manifest, bytes });
    else refuted.push(`${urlOf(store, name)} has ${bytes} bytes where its manifest says ${manifest.bytes}`);
  };
  const readManifest = async ([name, bytes]: [BackupName, number]): Promise<void> => {
    const known = dumps.get(name)?.manifest;
    if (known !== undefined) return take(name, bytes, known);
    // Thousands of manifests may be left: a store that went away meanwhile is not asked for each of them.
    if (away !== undefined) return;
    try {
      const manifest = await readStoredManifest(store, name, signal);
      if (manifest === undefined) unread.push(`the manifest of ${urlOf(store, name)} cannot be read as one`);
      else take(name, bytes, manifest);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof HiddenError) unread.push(`the manifest of ${urlOf(store, name)} may not be read`);
      else if (error instanceof ArchivedError) unread.push(`the manifest of ${urlOf(store, name)} lies in an archive`);
      else away ??= error;
    }
  };
  const complete = [...listing.dumps].filter(([name]) => listing.manifests.has(name));
  await pMap(complete, readManifest, { concurrency: CONCURRENCY });
  for (const [name, bytes] of listing.dumps) if (!listing.manifests.has(name)) bare.set(name, bytes);
  for (const [name, dump] of dumps)
    if (isConfirmed(dump, destination) && !listing.dumps.has(name))
      refuted.push(`${urlOf(store, name)} is gone, which the store had confirmed`);

  const faults = [...shorten(refuted), ...shorten(unread)];
  if (away !== undefined)
    faults.push(
      `${destination.name} cannot be read to the end, and some of what it holds is missing: ${describeError(away)}`,
    );
  return { place: destination.name, held, bare, faults };
}

type Listing = { readonly dumps: ReadonlyMap<BackupName, number>; readonly manifests: ReadonlySet<BackupName> };

async function readListing(store: Store, { databases, isWanted, signal }: ReadStoreOptions): Promise<Listing> {
  const { prefix } = store.destination;
  const dumps = new Map<BackupName, number>();
  const manifests = new Set<BackupName>();
  for (const start of databases?.map((database) => databasePrefix(prefix, database)) ?? [keyPrefix(prefix)]) {
    for await (const { key, bytes } of store.list(start, signal)) {
      const parsed = parseObjectKey(prefix, key);
      if (parsed === undefined || !isWanted(parsed.name)) continue;
      if (parsed.kind === 'dump') dumps.set(parsed.name, bytes);
      else manifests.add(parsed.name);
    }
  }
  return { dumps, manifests };
}

/** The beginning of the keys of a database's dumps. A few other databases may share it. */
function databasePrefix(prefix: string, database: string): string {
  const key = dumpKey(prefix, formatBackupName(database, new Date(0)));
  return key.slice(0, -'19700101_000000.sql.gz'.length);
}

function urlOf({ destination }: Store, name: BackupName): string {
  return `s3://${destination.bucket}/${dumpKey(destination.prefix, name)}`;
}

function shorten(faults: readonly string[]): readonly string[] {
  if (faults.length <= SHOWN_FAULTS) return faults.map((fault) => `${fault}; it does not count`);
  const shown = faults.slice(0, SHOWN_FAULTS);
  return [...shown, `and ${faults.length - SHOWN_FAULTS} more of this kind`].map(
    (fault) => `${fault}; it does not count`,
  );
}
