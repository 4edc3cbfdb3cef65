import type { KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { isConfirmed } from '@pgstow/catalog/policy/is-confirmed.ts';
import { parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { objectUrl } from '@pgstow/shared/contract/destination.ts';
import { outlineParser, type ManifestOutline } from '@pgstow/shared/contract/manifest.ts';
import { describeError, PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { ArchivedError } from '@pgstow/store/archived-error.ts';
import { HiddenError } from '@pgstow/store/hidden-error.ts';
import {
  databasePrefixes,
  dumpKey,
  keyPrefixes,
  manifestKey,
  parseObjectKey,
  sealedManifestKey,
} from '@pgstow/store/object-key.ts';
import type { Store } from '@pgstow/store/store.ts';
import { readStoredText, type DecryptManifest } from '@pgstow/store/stored-manifest.ts';
import pMap from 'p-map';

/** Requests to one store at a time. */
const CONCURRENCY = 16;
/** Faults of one kind that are shown. */
const SHOWN_FAULTS = 5;

/** The contents of a store, by its own word. */
export type StoreContents = {
  readonly place: string;
  /** Dumps that count. */
  readonly held: ReadonlyMap<BackupName, { readonly manifest: ManifestOutline; readonly bytes: number }>;
  /** Sizes of dumps whose manifests lie there and were not chosen. */
  readonly unread: ReadonlyMap<BackupName, number>;
  /** Sizes of objects without a manifest. */
  readonly bare: ReadonlyMap<BackupName, number>;
  /** Dumps whose manifest lies there, and cannot be read or is none. */
  readonly illegible: readonly BackupName[];
  /** Manifests without their dump. */
  readonly orphans: readonly BackupName[];
  /** Dumps with a copy of a person's word beside them. */
  readonly words: Readonly<Record<'acceptance' | 'pin', ReadonlySet<BackupName>>>;
  /** Whether all of it was read: the store was not away, then or meanwhile. */
  readonly isWhole: boolean;
  readonly faults: readonly string[];
};

export type ReadStoreOptions = {
  /** The folder's dumps among those wanted: their manifests need not be read at the store. */
  readonly dumps: ReadonlyMap<BackupName, KnownDump>;
  readonly databases: readonly string[] | undefined;
  readonly isWanted: (name: BackupName) => boolean;
  readonly chooseManifests: (names: readonly BackupName[]) => readonly BackupName[];
  readonly decrypt: DecryptManifest | undefined;
  /** Manifests that were read there before; those that are read now join them. */
  readonly remembered?: Map<BackupName, ManifestOutline> | undefined;
  readonly signal: AbortSignal;
};

/**
 * Lists what a store holds, and reads the chosen manifests of what is not in the folder. A store that is away is a fault.
 *
 * @throws the reason of the signal
 */
export async function readStore(store: Store, options: ReadStoreOptions): Promise<StoreContents> {
  const { dumps, chooseManifests, decrypt, remembered, signal } = options;
  const { destination } = store;
  const held = new Map<BackupName, { manifest: ManifestOutline; bytes: number }>();
  const bare = new Map<BackupName, number>();
  let listing: Listing;
  try {
    listing = await readListing(store, options);
  } catch (error) {
    signal.throwIfAborted();
    // Its last confirmations are better than nothing.
    for (const [name, dump] of dumps)
      if (isConfirmed(dump, destination)) held.set(name, { manifest: dump.manifest, bytes: dump.manifest.bytes });
    const faults = [
      `${destination.name} cannot be read, and what it holds is told from the folder's receipts: ${describeError(error)}`,
    ];
    return { ...NOTHING, place: destination.name, held, faults };
  }

  const refuted: string[] = [];
  const illegible: string[] = [];
  const unclear: BackupName[] = [];
  let away: unknown;
  const take = (name: BackupName, bytes: number, manifest: ManifestOutline): void => {
    if (manifest.bytes === bytes) held.set(name, { manifest, bytes });
    else refuted.push(`${urlOf(store, name)} has ${bytes} bytes where its manifest says ${manifest.bytes}`);
  };
  const readManifest = async (name: BackupName): Promise<void> => {
    // Thousands of manifests may be left: a store that went away meanwhile is not asked for each of them.
    if (away !== undefined) return;
    try {
      const manifest =
        remembered?.get(name) ??
        (await readOutline(store, name, listing.sealed.has(name) ? decrypt : undefined, signal));
      if (manifest === undefined) {
        illegible.push(`the manifest of ${urlOf(store, name)} cannot be read as one`);
        unclear.push(name);
      } else {
        remembered?.set(name, manifest);
        take(name, listing.dumps.get(name) ?? 0, manifest);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof HiddenError || error instanceof ArchivedError) unclear.push(name);
      if (error instanceof HiddenError) illegible.push(`the manifest of ${urlOf(store, name)} may not be read`);
      else if (listing.sealed.has(name) && error instanceof PermanentError && !(error instanceof ArchivedError))
        illegible.push(`the manifest of ${urlOf(store, name)} cannot be decrypted (${error.message})`);
      else if (error instanceof ArchivedError)
        illegible.push(`the manifest of ${urlOf(store, name)} lies in an archive`);
      else away ??= error;
    }
  };
  const unread = new Map<BackupName, number>();
  for (const [name, bytes] of listing.dumps) {
    const known = dumps.get(name)?.manifest;
    if (!listing.manifests.has(name) && !listing.sealed.has(name)) bare.set(name, bytes);
    else if (known === undefined) unread.set(name, bytes);
    else take(name, bytes, known);
  }
  const legible = [...unread.keys()].filter((name) => decrypt !== undefined || listing.manifests.has(name));
  const chosen = chooseManifests(newestFirst(legible));
  await pMap(chosen, readManifest, { concurrency: CONCURRENCY });
  for (const name of chosen) unread.delete(name);
  for (const [name, dump] of dumps)
    if (isConfirmed(dump, destination) && !listing.dumps.has(name))
      refuted.push(`${urlOf(store, name)} is gone, which the store had confirmed`);

  const faults = [...shorten(refuted), ...shorten(illegible)];
  if (away !== undefined)
    faults.push(
      `${destination.name} cannot be read to the end, and some of what it holds is missing: ${describeError(away)}`,
    );
  return {
    place: destination.name,
    held,
    unread,
    bare,
    illegible: unclear,
    orphans: [...listing.manifests].filter((name) => !listing.dumps.has(name)),
    words: listing.words,
    isWhole: away === undefined,
    faults,
  };
}

const NOTHING: Omit<StoreContents, 'place' | 'held' | 'faults'> = {
  unread: new Map(),
  bare: new Map(),
  illegible: [],
  orphans: [],
  words: { acceptance: new Set(), pin: new Set() },
  isWhole: false,
};

/** Reads the outline of a manifest that the listing has; `undefined` if it is none of this dump. @throws as `Store.look` and `Store.read` do */
async function readOutline(
  store: Store,
  name: BackupName,
  decrypt: DecryptManifest | undefined,
  signal: AbortSignal,
): Promise<ManifestOutline | undefined> {
  const key = (decrypt === undefined ? manifestKey : sealedManifestKey)(store.destination.prefix, name);
  const stored = await readStoredText(store, key, signal).catch(async (error: unknown) => {
    // A look tells one that is hidden from a store that refuses everything.
    if (error instanceof PermanentError && !(error instanceof ArchivedError)) await store.look(key, signal);
    throw error;
  });
  const text = decrypt === undefined ? stored : await decrypt(stored);
  try {
    const manifest = outlineParser.safeParse(text).data;
    return manifest?.name === name ? manifest : undefined;
  } catch {
    return undefined;
  }
}

function newestFirst(names: Iterable<BackupName>): readonly BackupName[] {
  const dated = Array.from(names, (name) => ({ name, at: parseBackupName(name).takenAt.getTime() }));
  return dated.sort((a, b) => b.at - a.at || (a.name < b.name ? 1 : -1)).map(({ name }) => name);
}

type Listing = Pick<StoreContents, 'words'> & {
  readonly dumps: ReadonlyMap<BackupName, number>;
  readonly manifests: ReadonlySet<BackupName>;
  readonly sealed: ReadonlySet<BackupName>;
};

async function readListing(store: Store, options: ReadStoreOptions): Promise<Listing> {
  const { databases, isWanted, signal } = options;
  const { prefix } = store.destination;
  const dumps = new Map<BackupName, number>();
  const manifests = new Set<BackupName>();
  /** Dumps whose manifests are encrypted alone. */
  const sealed = new Set<BackupName>();
  const words = { acceptance: new Set<BackupName>(), pin: new Set<BackupName>() };
  const [first, ...rest] = databases === undefined ? keyPrefixes(prefix) : [];
  const starts = databases?.flatMap((database) => databasePrefixes(prefix, database)) ?? [first ?? prefix];
  const listAll = async (start: string): Promise<void> => {
    for await (const { key, bytes } of store.list(start, signal)) {
      const parsed = parseObjectKey(prefix, key);
      if (parsed === undefined || !isWanted(parsed.name)) continue;
      if (parsed.kind === 'dump') dumps.set(parsed.name, bytes);
      else if (parsed.kind === 'manifest') manifests.add(parsed.name);
      else if (parsed.kind === 'sealed-manifest') sealed.add(parsed.name);
      else words[parsed.kind].add(parsed.name);
    }
  };
  for (const start of starts) await listAll(start);
  for (const start of rest) {
    try {
      await listAll(start);
    } catch (error) {
      // A key may list what dumps of databases begin with, and nothing else: where there are no globals, nothing is missing.
      const isMissed = [...options.dumps.keys()].some((name) => (prefix + name).startsWith(start));
      if (!(error instanceof PermanentError) || isMissed) throw error;
    }
  }
  for (const name of manifests) sealed.delete(name);
  return { dumps, manifests, sealed, words };
}

function urlOf({ destination }: Store, name: BackupName): string {
  return objectUrl(destination, dumpKey(destination.prefix, name));
}

function shorten(faults: readonly string[]): readonly string[] {
  if (faults.length <= SHOWN_FAULTS) return faults.map((fault) => `${fault}; it does not count`);
  const shown = faults.slice(0, SHOWN_FAULTS);
  return [...shown, `and ${faults.length - SHOWN_FAULTS} more of this kind`].map(
    (fault) => `${fault}; it does not count`,
  );
}
