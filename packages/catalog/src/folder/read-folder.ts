import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Acceptance } from '@pgstow/shared/contract/acceptance.ts';
import { isBackupName, parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import {
  parseFindingsAcceptanceFileName,
  type FindingsAcceptance,
} from '@pgstow/shared/contract/findings-acceptance.ts';
import { manifestFileName, type Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { Receipt } from '@pgstow/shared/contract/receipt.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { PARTIAL } from '@pgstow/shared/runtime/atomic-file.ts';
import { acceptedFindingsOf, applyAcceptances } from '../policy/findings-policy.ts';
import { isRecordBesideManifest } from './is-record-beside-manifest.ts';
import {
  ifGone,
  readAcceptance,
  readFindingsAcceptances,
  readManifest,
  readReceipts,
  readRestoreTests,
} from './read-records.ts';

/** A dump that exists: its file lies there with the size that its manifest says. */
export type KnownDump = {
  readonly manifest: Manifest;
  /** What stores have confirmed, by destination. */
  readonly receipts: ReadonlyMap<string, Receipt>;
  /** Restore tests of this very content, by destination, judged by what was accepted since. */
  readonly restoreTests: ReadonlyMap<string, RestoreTest>;
  /** A person's word on this very content, if it was suspect. */
  readonly acceptance?: Acceptance | undefined;
  /** Files of restore tests and acceptance that cannot be read: they may say anything. */
  readonly unreadable?: readonly string[];
};

export type FolderContents = {
  /** Oldest first, by the time in the manifest, then by name. */
  readonly dumps: readonly KnownDump[];
  /** Regular files with a dump's name and no manifest. */
  readonly strays: readonly BackupName[];
  /** For each database, a file that leaves open what its dump is worth: an unreadable manifest, or a damaged dump. */
  readonly damaged: ReadonlyMap<string, string>;
  /** Why a file with a dump's name is neither a dump that counts nor a stray, in a sentence that begins with it. */
  readonly refused: ReadonlyMap<string, string>;
  /** Leftovers of a crash: `.partial` files that begin with a dump's name, and withheld manifests without their dump. */
  readonly partials: readonly string[];
  /** Why something does not count, a sentence each. */
  readonly faults: readonly string[];
};

/**
 * Reads what the backup folder holds. Passes over every name that is not exactly one of ours, and every file that is not regular:
 * a symbolic link might lead anywhere.
 *
 * @throws if the folder cannot be read
 */
export async function readFolder(folder: string): Promise<FolderContents> {
  const names = new Set(await readdir(folder));
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
    damaged.set(parseBackupName(name)?.database ?? '', file);
  };
  const unreadAcceptances: string[] = [];
  const acceptances = await readFindingsAcceptances(folder, names, unreadAcceptances);
  for (const file of unreadAcceptances) faults.push(`${file} cannot be read; it accepts nothing`);
  for (const name of names) {
    if (!isBackupName(name)) continue;
    const stats = await lstat(join(folder, name)).catch(ifGone);
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
    const files = recordFiles.get(name) ?? [];
    const dump = await readDump(folder, name, files, stats.size, { acceptances, faults, isDamaged });
    if (dump !== undefined) dumps.push(dump);
  }
  dumps.sort(
    ({ manifest: a }, { manifest: b }) => Date.parse(a.takenAt) - Date.parse(b.takenAt) || (a.name < b.name ? -1 : 1),
  );
  const isLeft = (file: string): boolean =>
    isOurPartial(file) || (file.endsWith('.withheld') && isOurs(file) && !names.has(dumpOf(file)));
  return { dumps, strays, damaged, refused, partials: [...names].filter(isLeft), faults };
}

/**
 * Finds one dump; `undefined` if it does not exist or is damaged.
 *
 * @throws if the folder does not say whether it exists
 */
export async function findDump(folder: string, name: BackupName): Promise<KnownDump | undefined> {
  const stats = await lstat(join(folder, name)).catch(ifGone);
  if (stats instanceof Error) throw stats;
  if (stats === undefined || !stats.isFile()) return undefined;
  const files = await readdir(folder);
  const recordFiles = groupRecordFiles(files).get(name) ?? [];
  const acceptances = await readFindingsAcceptances(folder, files, []);
  return readDump(folder, name, recordFiles, stats.size, { acceptances, faults: [], isDamaged: () => undefined });
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

async function readDump(
  folder: string,
  name: BackupName,
  recordFiles: readonly string[],
  bytes: number,
  { acceptances, faults, isDamaged }: Surroundings,
): Promise<KnownDump | undefined> {
  const manifest = await readManifest(folder, name);
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
    const receipts = await readReceipts(folder, name, recordFiles, unconfirming);
    const recorded = await readRestoreTests(folder, manifest, recordFiles, unreadable);
    const acceptance = await readAcceptance(folder, manifest, recordFiles, unreadable);
    const restoreTests = judgeAnew(recorded, { manifest, acceptance }, acceptances);
    for (const file of unconfirming) faults.push(`${file} is not a receipt; the upload counts as not confirmed`);
    for (const file of unreadable) faults.push(`${file} cannot be read; nothing of ${manifest.database} is deleted`);
    return { manifest, receipts, restoreTests, acceptance, ...(unreadable.length === 0 ? {} : { unreadable }) };
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

function isOurPartial(file: string): boolean {
  if (!file.endsWith(PARTIAL)) return false;
  return isOurs(file) || parseFindingsAcceptanceFileName(file.replace(/\.[0-9a-f]+\.partial$/, '')) !== undefined;
}

function isOurs(file: string): boolean {
  return file.includes('.sql.gz') && isBackupName(dumpOf(file));
}

/** The part of a file's name that is its dump's, if it has one. */
function dumpOf(file: string): string {
  return file.slice(0, file.indexOf('.sql.gz') + '.sql.gz'.length);
}
