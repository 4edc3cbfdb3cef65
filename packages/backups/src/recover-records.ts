import type { FolderContents } from '@pgstow/catalog/folder/read-folder.ts';
import { isSettled } from '@pgstow/catalog/policy/is-confirmed.ts';
import { isOfLineage } from '@pgstow/catalog/policy/lineage-policy.ts';
import { newestByNow } from '@pgstow/catalog/policy/newest-dump.ts';
import { whyPeriodsKeep } from '@pgstow/catalog/policy/period-policy.ts';
import type { Keep } from '@pgstow/shared/config/values/keep-variables.ts';
import type { Acceptance } from '@pgstow/shared/contract/acceptance.ts';
import { parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { Pin } from '@pgstow/shared/contract/pin.ts';
import type { Receipt } from '@pgstow/shared/contract/receipt.ts';
import { describeSource } from '@pgstow/shared/contract/source-identity.ts';
import { describeTarget } from '@pgstow/shared/contract/target.ts';
import { mediumOf } from '@pgstow/store/folder/folder-medium.ts';
import { dumpKey } from '@pgstow/store/object-key.ts';
import type { Store } from '@pgstow/store/store.ts';
import { readStoredManifest, type DecryptManifest } from '@pgstow/store/stored-manifest.ts';
import pMap from 'p-map';
import { readStore, type StoreContents } from './read-store.ts';
import { readStoredAcceptance, readStoredPin } from './read-stored-words.ts';

/** Newest dumps of each database whose records are taken at least: a new dump is judged by those before it. */
const NEWEST = 20;
/** Requests to one store at a time. */
const CONCURRENCY = 16;

/** The records of one dump, as they are to lie in the folder. */
export type RecoveredDump = {
  readonly manifest: Manifest;
  readonly receipt: Receipt;
  readonly acceptance: Acceptance | undefined;
};

export type RecoveredRecords = {
  /** Dumps whose records are taken, oldest first. */
  readonly dumps: readonly RecoveredDump[];
  /** Pins of any dump there, also of those whose records are not taken. */
  readonly pins: readonly Pin[];
  /** Number of backups that the store holds of each database. */
  readonly held: ReadonlyMap<string, number>;
  /** What is left out, and why, a sentence each. */
  readonly faults: readonly string[];
};

export type RecoverOptions = {
  /** The backup folder. */
  readonly folder: string;
  readonly contents: FolderContents;
  /** The folder's own numbers: records are taken of what it would hold by them. */
  readonly keep: Keep;
  readonly timeZone: string;
  readonly databases?: readonly string[] | undefined;
  readonly now: Date;
  /** Reads manifests that are encrypted; without it, they are left out. */
  readonly decrypt: DecryptManifest | undefined;
  readonly signal: AbortSignal;
};

/**
 * Reads at a store the records that the folder of a lost host held: manifests of the dumps that its numbers keep, and words of people. No
 * dump is read. Of each database, only dumps of the server of its newest dump are taken: a bucket may be shared.
 *
 * @throws the reason of the signal
 */
export async function recoverRecords(store: Store, options: RecoverOptions): Promise<RecoveredRecords> {
  const { contents, databases, now, signal } = options;
  // One that is recorded from another destination still lacks its receipt of this one.
  const settled = contents.elsewhere.filter((dump) => isSettled(dump, store.destination));
  const known = new Map([...contents.dumps, ...settled].map((dump) => [dump.manifest.name, dump]));
  const isWanted = (name: BackupName): boolean =>
    databases === undefined || databases.includes(parseBackupName(name).database);
  const stored = await readStore(store, {
    dumps: known,
    databases,
    isWanted,
    chooseManifests: () => [],
    decrypt: options.decrypt,
    signal,
  });
  const faults = [...stored.faults];
  const dumps: RecoveredDump[] = [];
  const byDatabase = Map.groupBy([...stored.unread.keys()], (name) => parseBackupName(name).database);
  for (const names of byDatabase.values()) {
    const wanted = chooseNames(names, options);
    const read = await pMap(
      wanted,
      (name) => readRecords(store, name, { stored, faults, folder: options.folder, decrypt: options.decrypt, signal }),
      {
        concurrency: CONCURRENCY,
      },
    );
    const found = read.filter((each) => each !== undefined).sort(byTime);
    dumps.push(...ofOneLineage(found, store, now, faults));
  }
  const pinned = [...stored.words.pin].filter((name) => !contents.pins.has(name) && isWanted(name));
  const pins = await pMap(pinned, (name) => readStoredPin(store, name, signal), { concurrency: CONCURRENCY });
  const held = new Map<string, number>();
  for (const name of [...stored.unread.keys(), ...stored.held.keys()]) {
    const { database } = parseBackupName(name);
    held.set(database, (held.get(database) ?? 0) + 1);
  }
  return { dumps: dumps.sort(byTime), pins: pins.filter((pin) => pin !== undefined), held, faults };
}

function byTime({ manifest: a }: RecoveredDump, { manifest: b }: RecoveredDump): number {
  return Date.parse(a.takenAt) - Date.parse(b.takenAt) || (a.name < b.name ? -1 : 1);
}

/** Chooses by the times in the names: those that the folder's numbers keep, and as many as a new dump is judged by. */
function chooseNames(
  names: readonly BackupName[],
  { keep, timeZone }: Pick<RecoverOptions, 'keep' | 'timeZone'>,
): readonly BackupName[] {
  const newestFirst = names
    .map((name) => ({ name, takenAt: parseBackupName(name).takenAt }))
    .sort((a, b) => b.takenAt.getTime() - a.takenAt.getTime() || (a.name < b.name ? 1 : -1));
  const periods = whyPeriodsKeep(
    newestFirst.map(({ takenAt }) => takenAt.toISOString()),
    keep.keepPeriods,
    timeZone,
  );
  return newestFirst
    .filter((_, index) => index < Math.max(keep.keepLast, NEWEST) || periods[index] !== undefined)
    .map(({ name }) => name);
}

type Reading = Pick<RecoverOptions, 'folder' | 'decrypt' | 'signal'> & {
  readonly stored: StoreContents;
  readonly faults: string[];
};

/** `undefined` where what lies there does not count; a fault says why. */
async function readRecords(
  store: Store,
  name: BackupName,
  { stored: { unread, words, place }, faults, folder, decrypt, signal }: Reading,
): Promise<RecoveredDump | undefined> {
  const { name: destination, prefix } = store.destination;
  const key = dumpKey(prefix, name);
  try {
    const [manifest, object] = await Promise.all([
      readStoredManifest(store, name, signal, decrypt),
      store.look(key, signal),
    ]);
    const what = `${name} at ${place}`;
    if (manifest === undefined) faults.push(`the manifest of ${what} cannot be read as one; it does not count`);
    else if (object === undefined || object.bytes !== manifest.bytes || unread.get(name) !== manifest.bytes)
      faults.push(`${what} has another size than its manifest says; it does not count`);
    else if ((object.metadata['sha256'] ?? manifest.sha256) !== manifest.sha256)
      faults.push(`${what} was put as another dump than its manifest says; it does not count`);
    else {
      const acceptance = words.acceptance.has(name) ? await readStoredAcceptance(store, manifest, signal) : undefined;
      const at =
        'folder' in store.destination
          ? { folder: store.destination.folder, medium: await mediumOf(store.destination.folder, folder) }
          : { endpoint: store.destination.endpoint, bucket: store.destination.bucket };
      const receipt: Receipt = {
        version: 1,
        name,
        destination,
        ...at,
        key,
        bytes: manifest.bytes,
        sha256: manifest.sha256,
        // The manifest beside it was put once the store had confirmed it; today, its size alone was compared.
        confirmedBy: 'size',
        etag: object.etag,
        versionId: object.versionId,
        confirmedAt: new Date().toISOString(),
      };
      return { manifest, receipt, acceptance };
    }
  } catch (error) {
    signal.throwIfAborted();
    faults.push(
      `the records of ${name} at ${place} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return undefined;
}

/** @param found of one database, oldest first */
function ofOneLineage(
  found: readonly RecoveredDump[],
  { destination }: Store,
  now: Date,
  faults: string[],
): readonly RecoveredDump[] {
  const named = found.filter(
    ({ manifest, acceptance }) =>
      manifest.identity !== undefined && (manifest.suspect?.otherSource === undefined || acceptance !== undefined),
  );
  const newest = newestByNow(named, now)?.manifest;
  if (newest === undefined) return found;
  const isOurs = ({ manifest }: RecoveredDump): boolean =>
    manifest.identity === undefined || isOfLineage(newest, manifest.identity);
  const strangers = found.filter((each) => !isOurs(each) && each.manifest.suspect?.otherSource === undefined);
  const [stranger] = strangers;
  if (stranger?.manifest.identity !== undefined)
    faults.push(
      `${strangers.length} of the newest backups of ${describeTarget(newest.database)} at ${destination.name} are of another server, ${describeSource(stranger.manifest.identity)}; their records are not taken`,
    );
  return found.filter((each) => !strangers.includes(each));
}
