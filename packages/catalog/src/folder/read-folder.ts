import type { Stats } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import type { Acceptance } from '@pgstow/shared/contract/acceptance.ts';
import { isBackupName, parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { FindingsAcceptance } from '@pgstow/shared/contract/findings-acceptance.ts';
import { manifestFileName, type Manifest, type ManifestOutline } from '@pgstow/shared/contract/manifest.ts';
import type { Pin } from '@pgstow/shared/contract/pin.ts';
import { receiptIsOf, type Receipt } from '@pgstow/shared/contract/receipt.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { acceptedFindingsOf, applyAcceptances } from '../policy/findings-policy.ts';
import { isLeft } from './is-left.ts';
import { dumpOf, isRecordBesideManifest } from './is-record-beside-manifest.ts';
import { readPins } from './read-pins.ts';
import {
  readAcceptance,
  readFindingsAcceptances,
  readManifest,
  readOutline,
  readPin,
  readReceipts,
  readRestoreTests,
} from './read-records.ts';
import { ifGone, Records } from './records.ts';

/** A dump that exists: its file lies there with the size that its manifest says. */
export type KnownDump<M extends ManifestOutline = ManifestOutline> = {
  readonly manifest: M;
  /** Confirmations of the stores, by destination. */
  readonly receipts: ReadonlyMap<string, Receipt>;
  /** Restore tests of this very content, by destination, judged by what was accepted since. */
  readonly restoreTests: ReadonlyMap<string, RestoreTest>;
  /** A person's word on this very content, if it was suspect. */
  readonly acceptance?: Acceptance | undefined;
  /** A person's word that it stays. */
  readonly pin?: Pin | undefined;
  /** Files of restore tests, acceptance and pin that cannot be read: they may say anything. */
  readonly unreadable?: readonly string[];
};

export type WholeDump = KnownDump<Manifest>;

export type FolderContents = {
  /** Oldest first, by the time in the manifest, then by name. */
  readonly dumps: readonly KnownDump[];
  /**
   * Dumps that a destination has confirmed and that are not in the folder, where their records lie: `pgstow recover` wrote them. In the
   * same order.
   */
  readonly elsewhere: readonly KnownDump[];
  /** Regular files with a dump's name and no manifest. */
  readonly strays: readonly BackupName[];
  /** A file of each database that leaves open what its dump is worth: an unreadable manifest, or a damaged dump. */
  readonly damaged: ReadonlyMap<string, string>;
  /** Why a file with a dump's name is neither a dump that counts nor a stray, in a sentence that begins with it. */
  readonly refused: ReadonlyMap<string, string>;
  /** Words on whether a backup stays, also of those that lie elsewhere, and words that were taken back. */
  readonly pins: ReadonlyMap<BackupName, Pin>;
  /** Leftovers of a crash: `.partial` files that begin with a dump's name, and withheld or encrypted manifests without their dump. */
  readonly partials: readonly string[];
  /** Why something does not count, a sentence each. */
  readonly faults: readonly string[];
};

export type ReadFolderOptions = {
  /** The databases to read; all unless given. */
  readonly databases?: readonly string[] | undefined;
};

/** Time after which a reading lets other work of the process go on. */
const TURN_MS = 10;

/**
 * Reads what the backup folder holds. Passes over every name that is not exactly one of ours, and every file that is not regular:
 * a symbolic link might lead anywhere.
 *
 * @param folder the records of it that the process remembers, or its path: then each of them is read
 * @throws if the folder cannot be read
 */
export async function readFolder(
  folder: Records | string,
  { databases }: ReadFolderOptions = {},
): Promise<FolderContents> {
  const records = typeof folder === 'string' ? new Records(folder) : folder;
  const names = new Set(await readdir(records.folder));
  records.keepOnly(names);
  const recordFiles = groupRecordFiles(names);
  const dumps: KnownDump[] = [];
  const strays: BackupName[] = [];
  const faults: string[] = [];
  const damaged = new Map<string, string>();
  const refused = new Map<string, string>();
  const refuse = (name: BackupName, fault: string): void => {
    faults.push(fault);
    refused.set(name, fault);
  };
  const isDamaged = (name: BackupName, file: string, fault: string): void => {
    refuse(name, fault);
    damaged.set(parseBackupName(name).database, file);
  };
  const unreadAcceptances: string[] = [];
  const acceptances = readFindingsAcceptances(records, names, unreadAcceptances);
  for (const file of unreadAcceptances) faults.push(`${file} cannot be read; it accepts nothing`);
  let turnedAt = performance.now();
  for (const name of names) {
    if (!isBackupName(name) || !isOneOf(databases, name)) continue;
    if (performance.now() - turnedAt > TURN_MS) {
      await turn();
      turnedAt = performance.now();
    }
    const stats = lookAt(records, name);
    if (stats === undefined) continue;
    if (stats instanceof Error) {
      isDamaged(name, name, `${name} cannot be read and does not count: ${stats.message}`);
      continue;
    }
    if (!stats.isFile()) {
      refuse(name, `${name} is not a regular file and is left alone`);
      continue;
    }
    if (!names.has(manifestFileName(name))) {
      strays.push(name);
      continue;
    }
    const manifest = readOutline(records, name);
    const files = recordFiles.get(name) ?? [];
    const dump = describeDump(records, name, manifest, files, stats.size, { acceptances, faults, isDamaged });
    if (dump !== undefined) dumps.push(dump);
  }
  dumps.sort(byTime);
  const elsewhere = readElsewhere(records, names, recordFiles, databases, { acceptances, faults, isDamaged });
  const pins = readPins(
    records,
    recordFiles,
    (name) => isOneOf(databases, name),
    (name, file) => {
      const fault = `${file} cannot be read; nothing of ${parseBackupName(name).database} is deleted`;
      // The fault of a dump in the folder is listed already.
      if (faults.includes(fault)) return;
      faults.push(fault);
      damaged.set(parseBackupName(name).database, file);
    },
  );
  return {
    dumps,
    elsewhere,
    strays,
    damaged,
    refused,
    pins,
    partials: [...names].filter((file) => isLeft(file, names)),
    faults,
  };
}

/** Names of what crashes left, as `FolderContents.partials`. Reads no record. @throws if the folder cannot be read */
export async function readPartials(folder: string): Promise<readonly string[]> {
  const names = new Set(await readdir(folder));
  return [...names].filter((file) => isLeft(file, names));
}

/** Every dump whose records lie in the folder, also of those that lie elsewhere, oldest first. */
export function allRecorded({ dumps, elsewhere }: Pick<FolderContents, 'dumps' | 'elsewhere'>): readonly KnownDump[] {
  return elsewhere.length === 0 ? dumps : [...dumps, ...elsewhere].sort(byTime);
}

function byTime({ manifest: a }: KnownDump, { manifest: b }: KnownDump): number {
  return Date.parse(a.takenAt) - Date.parse(b.takenAt) || (a.name < b.name ? -1 : 1);
}

/** Reads the records of dumps that are not in the folder. A manifest without a receipt is none: its dump is nowhere. */
function readElsewhere(
  records: Records,
  names: ReadonlySet<string>,
  recordFiles: ReadonlyMap<string, readonly string[]>,
  databases: readonly string[] | undefined,
  surroundings: Surroundings,
): readonly KnownDump[] {
  const elsewhere: KnownDump[] = [];
  for (const [name, files] of recordFiles) {
    if (names.has(name) || !isBackupName(name) || !isOneOf(databases, name)) continue;
    if (!names.has(manifestFileName(name)) || !files.some((file) => file.endsWith('.receipt.json'))) continue;
    const manifest = readOutline(records, name);
    const bytes = typeof manifest === 'object' ? manifest.bytes : 0;
    const dump = describeDump(records, name, manifest, files, bytes, surroundings);
    if (dump !== undefined && isSomewhere(dump)) elsewhere.push(dump);
  }
  return elsewhere.sort(byTime);
}

function isSomewhere({ manifest, receipts }: KnownDump): boolean {
  return [...receipts.values()].some((receipt) => receipt.prunedAt === undefined && receiptIsOf(receipt, manifest));
}

/**
 * Finds one dump and reads its manifest whole; `undefined` if it does not exist or is damaged.
 *
 * @throws if the folder does not say whether it exists
 */
export async function findDump(folder: string, name: BackupName): Promise<WholeDump | undefined> {
  return findDumpBy(() => readManifest(folder, name), new Records(folder), name);
}

/** Finds one dump and reads its manifest's outline. @returns and throws as `findDump` does */
export async function findDumpOutline(records: Records, name: BackupName): Promise<KnownDump | undefined> {
  return findDumpBy(() => readOutline(records, name), records, name);
}

/** Finds one dump whose records lie in the folder, whether it lies there itself or elsewhere. @throws as `findDump` does */
export async function findRecorded(folder: string, name: BackupName): Promise<WholeDump | undefined> {
  return findDumpBy(() => readManifest(folder, name), new Records(folder), name, true);
}

/** Finds the same and reads the manifest's outline. @throws as `findDump` does */
export async function findRecordedOutline(records: Records, name: BackupName): Promise<KnownDump | undefined> {
  return findDumpBy(() => readOutline(records, name), records, name, true);
}

async function findDumpBy<M extends ManifestOutline>(
  read: () => M | string | undefined,
  records: Records,
  name: BackupName,
  mayLieElsewhere = false,
): Promise<KnownDump<M> | undefined> {
  const stats = lookAt(records, name);
  if (stats instanceof Error) throw stats;
  if (stats === undefined ? !mayLieElsewhere : !stats.isFile()) return undefined;
  const files = await readdir(records.folder);
  const acceptances = readFindingsAcceptances(records, files, []);
  const surroundings = { acceptances, faults: [], isDamaged: () => undefined };
  const recordFiles = files.filter((file) => isRecordBesideManifest(file) && dumpOf(file) === name);
  const manifest = read();
  const bytes = stats?.size ?? (typeof manifest === 'object' ? manifest.bytes : 0);
  const dump = describeDump(records, name, manifest, recordFiles, bytes, surroundings);
  return stats !== undefined || (dump !== undefined && isSomewhere(dump)) ? dump : undefined;
}

/** @returns the fault of a file that is there or may be, and cannot be looked at */
function lookAt(records: Records, file: string): Stats | Error | undefined {
  try {
    return records.look(file);
  } catch (error) {
    return ifGone(error);
  }
}

function isOneOf(databases: readonly string[] | undefined, name: BackupName): boolean {
  return databases === undefined || databases.includes(parseBackupName(name).database);
}

/** Groups the records by the dump's name that they begin with, in one pass: a folder may hold thousands. */
function groupRecordFiles(files: Iterable<string>): ReadonlyMap<string, readonly string[]> {
  return Map.groupBy(
    [...files].filter((file) => isRecordBesideManifest(file)),
    dumpOf,
  );
}

type Surroundings = {
  readonly acceptances: readonly FindingsAcceptance[];
  readonly faults: string[];
  /** @param file the damaged or unreadable one */
  readonly isDamaged: (name: BackupName, file: string, fault: string) => void;
};

function describeDump<M extends ManifestOutline>(
  records: Records,
  name: BackupName,
  manifest: M | string | undefined,
  recordFiles: readonly string[],
  bytes: number,
  { acceptances, faults, isDamaged }: Surroundings,
): KnownDump<M> | undefined {
  if (manifest === undefined) return undefined;
  if (typeof manifest === 'string') isDamaged(name, manifestFileName(name), manifest);
  else if (manifest.bytes !== bytes) {
    isDamaged(
      name,
      name,
      `${name} has ${bytes} bytes where its manifest says ${manifest.bytes}; it is damaged and does not count`,
    );
  } else {
    const unconfirming: string[] = [];
    const unreadable: string[] = [];
    const receipts = readReceipts(records, name, recordFiles, unconfirming);
    const recorded = readRestoreTests(records, manifest, recordFiles, unreadable);
    const acceptance = readAcceptance(records, manifest, recordFiles, unreadable);
    const pin = readPin(records, name, recordFiles, unreadable);
    const restoreTests = judgeAnew(recorded, { manifest, acceptance }, acceptances);
    for (const file of unconfirming) faults.push(`${file} is not a receipt; the upload counts as not confirmed`);
    for (const file of unreadable) faults.push(`${file} cannot be read; nothing of ${manifest.database} is deleted`);
    return {
      manifest,
      receipts,
      restoreTests,
      acceptance,
      ...(pin === undefined || pin.unpinnedAt !== undefined ? {} : { pin }),
      ...(unreadable.length === 0 ? {} : { unreadable }),
    };
  }
  return undefined;
}

function judgeAnew(
  tests: KnownDump['restoreTests'],
  dump: Pick<KnownDump, 'manifest' | 'acceptance'>,
  acceptances: readonly FindingsAcceptance[],
): KnownDump['restoreTests'] {
  if (acceptances.length === 0 || ![...tests.values()].some(({ result }) => result === 'bad')) return tests;
  const accepted = acceptedFindingsOf(dump, acceptances);
  return new Map([...tests].map(([destination, test]) => [destination, applyAcceptances(test, accepted)]));
}
