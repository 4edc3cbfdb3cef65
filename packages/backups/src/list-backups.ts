import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { unreadableFolder } from '@pgstow/catalog/folder/backup-folder.ts';
import { allRecorded, readFolder, type FolderContents, type KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { decisiveRestoreTest } from '@pgstow/catalog/policy/decisive-restore-test.ts';
import { isConfirmed } from '@pgstow/catalog/policy/is-confirmed.ts';
import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { ManifestOutline } from '@pgstow/shared/contract/manifest.ts';
import type { Pin } from '@pgstow/shared/contract/pin.ts';
import { LOCAL, type RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { Store } from '@pgstow/store/store.ts';
import type { DecryptManifest } from '@pgstow/store/stored-manifest.ts';
import { readStore } from './read-store.ts';

/**
 * How far a backup is proven. `found`: it has no manifest and was never read. `dumped`: its dump was proven when it was taken or
 * adopted. `uploaded`: a store has confirmed it. `restored`: a restore test found it good, and none found it bad. `bad`: one did.
 * `unread`: its manifest lies beside it at a store, and was not to be read, or is encrypted and no identity is here.
 * `suspect`: it has shrunk beyond belief or is of another source, and is not accepted, however far it got.
 */
export type BackupState = 'found' | 'unread' | 'dumped' | 'uploaded' | 'restored' | 'suspect' | 'bad';

/** A backup, wherever it lies. */
export type Backup = {
  readonly name: BackupName;
  readonly database: string;
  /** When its dump began; without a manifest, the time in its name. */
  readonly takenAt: Date;
  /** Size of the compressed dump. */
  readonly bytes: number | undefined;
  /** Rows in all its tables, where they were counted. */
  readonly rows: number | undefined;
  readonly manifest: ManifestOutline | undefined;
  /** `local` for the backup folder, and the destinations that hold it. */
  readonly places: readonly string[];
  readonly state: BackupState;
  /** The test that makes it `restored` or `bad`; where none came to a verdict, the last one. */
  readonly restoreTest: RestoreTest | undefined;
  /** When a person accepted it. Only the folder knows. */
  readonly acceptedAt: Date | undefined;
  /** A person's word that it stays. */
  readonly pin: Pin | undefined;
};

/** A backup that counts: its dump was proven. */
export type ProvenBackup = Backup & { readonly manifest: ManifestOutline };

export function hasManifest(backup: Backup): backup is ProvenBackup {
  return backup.manifest !== undefined;
}

export type ListBackupsOptions = {
  /** `undefined`: the folder is left out. */
  readonly folder: string | undefined;
  readonly stores: readonly Store[];
  /** Only backups of these; of all unless given. */
  readonly databases?: readonly string[] | undefined;
  /**
   * Chooses the manifests to read of those that lie at a store and not in the folder, given their dumps' names, newest first. There may
   * be tens of thousands, and each is a request. All are read unless given.
   */
  readonly chooseManifests?: ((names: readonly BackupName[]) => readonly BackupName[]) | undefined;
  /** Reads manifests that lie encrypted at a store. Without it they are not read. */
  readonly decrypt?: DecryptManifest | undefined;
  readonly signal: AbortSignal;
};

export type BackupList = {
  /** Newest first. */
  readonly backups: readonly Backup[];
  /** Files and places that could not be read or do not count, and why, in a sentence each. */
  readonly faults: readonly string[];
};

/**
 * Every backup in folder and stores. A place that cannot be read is a fault, and hides no other place. An object at a store
 * counts if its manifest lies beside it and says the same size. Without a manifest it is another tool's, or an upload under way:
 * `found`, if nothing else is known of it.
 *
 * @throws the reason of the signal
 */
export async function listBackups({
  folder,
  stores,
  databases,
  chooseManifests = (names) => names,
  decrypt,
  signal,
}: ListBackupsOptions): Promise<BackupList> {
  const faults: string[] = [];
  const isWanted = (name: BackupName): boolean => {
    return databases === undefined || databases.includes(parseBackupName(name).database);
  };
  const local = folder === undefined ? undefined : await readLocal(folder, databases, faults);
  const dumps = new Map(local && allRecorded(local).map((dump) => [dump.manifest.name, dump]));
  const found = new Map<BackupName, Facts>();
  const note = (name: BackupName, place: string, facts: Omit<Facts, 'places'>): void => {
    const known = found.get(name);
    // A stray of another size than the dump at the store is no copy of it.
    const isOther = known?.manifest === undefined && known?.bytes !== facts.bytes;
    found.set(
      name,
      known === undefined || isOther
        ? { ...facts, places: [place] }
        : { ...facts, ...known, places: [...known.places, place] },
    );
  };

  for (const { manifest } of local?.dumps ?? []) note(manifest.name, LOCAL, { manifest, bytes: manifest.bytes });
  for (const name of local?.strays ?? []) {
    const stats = await lstat(join(folder ?? '', name)).catch(() => undefined);
    if (stats !== undefined) note(name, LOCAL, { bytes: stats.size });
  }
  const contents = await Promise.all(
    stores.map((store) => readStore(store, { dumps, databases, isWanted, chooseManifests, decrypt, signal })),
  );
  signal.throwIfAborted();
  for (const { place, held, unread, bare, faults: theirs } of contents) {
    for (const [name, facts] of held) note(name, place, facts);
    for (const [name, bytes] of unread) note(name, place, { bytes, isUnread: true });
    for (const [name, bytes] of bare) if (!found.has(name)) note(name, place, { bytes });
    faults.push(...theirs);
  }

  const backups = [...found].map(([name, facts]) =>
    describeBackup(name, facts, dumps.get(name), stores, standing(local?.pins.get(name))),
  );
  backups.sort((a, b) => b.takenAt.getTime() - a.takenAt.getTime() || (a.name < b.name ? 1 : -1));
  return { backups, faults };
}

type Facts = {
  readonly places: readonly string[];
  readonly manifest?: ManifestOutline;
  readonly isUnread?: true;
  readonly bytes: number;
};

function standing(pin: Pin | undefined): Pin | undefined {
  return pin?.unpinnedAt === undefined ? pin : undefined;
}

function describeBackup(
  name: BackupName,
  { places, manifest, isUnread, bytes }: Facts,
  dump: KnownDump | undefined,
  stores: readonly Store[],
  pin: Pin | undefined,
): Backup {
  const parts = parseBackupName(name);
  const restoreTest = dump && decisiveRestoreTest(dump);
  return {
    name,
    database: parts.database,
    takenAt: manifest === undefined ? parts.takenAt : new Date(manifest.takenAt),
    bytes,
    rows: manifest?.rows,
    manifest,
    places,
    state:
      isUnread === true && manifest === undefined ? 'unread' : stateOf(places, manifest, dump, stores, restoreTest),
    restoreTest,
    acceptedAt: dump?.acceptance && new Date(dump.acceptance.acceptedAt),
    pin,
  };
}

function stateOf(
  places: readonly string[],
  manifest: ManifestOutline | undefined,
  dump: KnownDump | undefined,
  stores: readonly Store[],
  restoreTest: RestoreTest | undefined,
): BackupState {
  if (manifest === undefined) return 'found';
  if (restoreTest?.result === 'bad') return 'bad';
  if (isSuspect({ manifest, acceptance: dump?.acceptance })) return 'suspect';
  if (restoreTest?.result === 'good') return 'restored';
  // A manifest is put beside a dump once the store has confirmed it: here, the folder has lost dump and receipt.
  if (dump === undefined) return 'uploaded';
  const isUploaded = stores.some(
    ({ destination }) => places.includes(destination.name) && isConfirmed(dump, destination),
  );
  return isUploaded ? 'uploaded' : 'dumped';
}

async function readLocal(
  folder: string,
  databases: readonly string[] | undefined,
  faults: string[],
): Promise<FolderContents | undefined> {
  try {
    const contents = await readFolder(folder, { databases });
    faults.push(...contents.faults);
    return contents;
  } catch (error) {
    faults.push(`the backup folder cannot be read: ${describeError(unreadableFolder(error, folder))}`);
    return undefined;
  }
}
