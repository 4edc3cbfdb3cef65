import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { acceptanceFileName, acceptanceSchema, type Acceptance } from '@pgstow/shared/contract/acceptance.ts';
import { isBackupName, parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import {
  manifestFileName,
  manifestSchema,
  withheldManifestFileName,
  type Manifest,
} from '@pgstow/shared/contract/manifest.ts';
import { receiptFileName, receiptSchema, type Receipt } from '@pgstow/shared/contract/receipt.ts';
import { restoreTestFileName, restoreTestSchema, type RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { PARTIAL } from '@pgstow/shared/runtime/atomic-file.ts';
import { isRecordBesideManifest } from './is-record-beside-manifest.ts';

/** A dump that exists: its file lies there with the size that its manifest says. */
export type KnownDump = {
  readonly manifest: Manifest;
  /** What stores have confirmed, by destination. */
  readonly receipts: ReadonlyMap<string, Receipt>;
  /** What came of restoring it, by destination. Of the dump as it is: a test of other content counts for nothing. */
  readonly restoreTests: ReadonlyMap<string, RestoreTest>;
  /** A person's word on a suspect dump. Of the dump as it is, too. */
  readonly acceptance?: Acceptance | undefined;
  /** Records of its restore tests and of its acceptance that are there and cannot be read: they may say anything. */
  readonly unreadable?: readonly string[];
};

export type FolderContents = {
  /** Oldest first, by the time in the manifest, then by name. */
  readonly dumps: readonly KnownDump[];
  /** Regular files with a dump's name and no manifest. */
  readonly strays: readonly BackupName[];
  /** Files that leave open what a dump is worth, one for each database: a manifest that cannot be read, or a damaged dump. */
  readonly damaged: ReadonlyMap<string, string>;
  /**
   * What a crash left behind: file names that end with `.partial` and begin with a dump's name, and manifests that are withheld
   * of no dump.
   */
  readonly partials: readonly string[];
  /** What cannot be counted, and why, in a sentence each. */
  readonly faults: readonly string[];
};

/**
 * What the backup folder says of itself. Anything whose name is not exactly one of ours is passed over, as is anything
 * that is not a regular file (a symbolic link might lead anywhere).
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
  const isDamaged = (name: BackupName, file: string, fault: string): void => {
    faults.push(fault);
    damaged.set(parseBackupName(name)?.database ?? '', file);
  };
  for (const name of names) {
    if (!isBackupName(name)) continue;
    const stats = await lstat(join(folder, name)).catch(ifGone);
    if (stats === undefined) continue;
    if (stats instanceof Error) {
      isDamaged(name, name, `${name} cannot be read and does not count: ${stats.message}`);
      continue;
    }
    if (!stats.isFile()) {
      faults.push(`${name} is not a regular file and is left alone`);
      continue;
    }
    if (!names.has(manifestFileName(name))) {
      strays.push(name);
      continue;
    }
    const files = recordFiles.get(name) ?? [];
    const dump = await readDump(folder, name, files, stats.size, { faults, isDamaged });
    if (dump !== undefined) dumps.push(dump);
  }
  dumps.sort(
    ({ manifest: a }, { manifest: b }) => Date.parse(a.takenAt) - Date.parse(b.takenAt) || (a.name < b.name ? -1 : 1),
  );
  const isLeft = (file: string): boolean =>
    isOurPartial(file) || (file.endsWith('.withheld') && isOurs(file) && !names.has(dumpOf(file)));
  return { dumps, strays, damaged, partials: [...names].filter(isLeft), faults };
}

/**
 * The dump of that name, or `undefined` if it does not exist (any more) or is damaged.
 *
 * @throws if it cannot be told whether it exists
 */
export async function findDump(folder: string, name: BackupName): Promise<KnownDump | undefined> {
  const stats = await lstat(join(folder, name)).catch(ifGone);
  if (stats instanceof Error) throw stats;
  if (stats === undefined || !stats.isFile()) return undefined;
  const recordFiles = groupRecordFiles(await readdir(folder)).get(name) ?? [];
  return readDump(folder, name, recordFiles, stats.size, { faults: [], isDamaged: () => undefined });
}

/** What others record of a dump, by the name that they begin with, whether it is a dump's or not: one pass over a folder of thousands. */
function groupRecordFiles(files: Iterable<string>): ReadonlyMap<string, readonly string[]> {
  return Map.groupBy(
    [...files].filter((file) => isRecordBesideManifest(file)),
    dumpOf,
  );
}

type Reports = {
  readonly faults: string[];
  /** @param file what cannot be told of the dump by */
  readonly isDamaged: (name: BackupName, file: string, fault: string) => void;
};

async function readDump(
  folder: string,
  name: BackupName,
  recordFiles: readonly string[],
  bytes: number,
  { faults, isDamaged }: Reports,
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
    const unreadable: string[] = [];
    const receipts = await readReceipts(folder, name, recordFiles, faults);
    const restoreTests = await readRestoreTests(folder, manifest, recordFiles, unreadable);
    const acceptance = await readAcceptance(folder, manifest, recordFiles, unreadable);
    for (const file of unreadable) faults.push(`${file} cannot be read; nothing of ${manifest.database} is deleted`);
    return { manifest, receipts, restoreTests, acceptance, ...(unreadable.length === 0 ? {} : { unreadable }) };
  }
  return undefined;
}

/** @returns a sentence on what is wrong with it, or `undefined` if it is gone */
async function readManifest(folder: string, name: BackupName): Promise<Manifest | string | undefined> {
  const file = manifestFileName(name);
  const json = await readJson(join(folder, file));
  if (json === undefined) return undefined;
  if (json instanceof Error) return `${file} is not a manifest: ${json.message}; its dump does not count`;
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success)
    return `${file} is not a manifest: ${parsed.error.issues[0]?.message ?? ''}; its dump does not count`;
  return parsed.data.name === name
    ? parsed.data
    : `${file} is the manifest of ${parsed.data.name}; its dump does not count`;
}

/** The manifest that a dump had, or was to have, when a crash came; `undefined` if there is none that can be read. */
export async function readWithheldManifest(folder: string, name: BackupName): Promise<Manifest | undefined> {
  const json = await readJson(join(folder, withheldManifestFileName(name)));
  const { data } = manifestSchema.safeParse(json);
  return data?.name === name ? data : undefined;
}

async function readReceipts(
  folder: string,
  name: BackupName,
  recordFiles: readonly string[],
  faults: string[],
): Promise<ReadonlyMap<string, Receipt>> {
  const receipts = new Map<string, Receipt>();
  for (const file of recordFiles.filter((each) => each.endsWith('.receipt.json'))) {
    const json = await readJson(join(folder, file));
    if (json === undefined) continue;
    const parsed = receiptSchema.safeParse(json);
    if (parsed.success && file === receiptFileName(name, parsed.data.destination)) {
      receipts.set(parsed.data.destination, parsed.data);
    } else faults.push(`${file} is not a receipt; the upload counts as not confirmed`);
  }
  return receipts;
}

async function readRestoreTests(
  folder: string,
  { name, sha256 }: Manifest,
  recordFiles: readonly string[],
  unreadable: string[],
): Promise<ReadonlyMap<string, RestoreTest>> {
  const tests = new Map<string, RestoreTest>();
  for (const file of recordFiles.filter((each) => each.endsWith('.restore-test.json'))) {
    const json = await readJson(join(folder, file));
    if (json === undefined) continue;
    const { data } = restoreTestSchema.safeParse(json);
    if (data === undefined || file !== restoreTestFileName(name, data.destination)) unreadable.push(file);
    else if (data.sha256 === sha256) tests.set(data.destination, data);
  }
  return tests;
}

async function readAcceptance(
  folder: string,
  { name, sha256 }: Manifest,
  recordFiles: readonly string[],
  unreadable: string[],
): Promise<Acceptance | undefined> {
  const file = acceptanceFileName(name);
  if (!recordFiles.includes(file)) return undefined;
  const json = await readJson(join(folder, file));
  if (json === undefined) return undefined;
  const { data } = acceptanceSchema.safeParse(json);
  if (data?.name === name) return data.sha256 === sha256 ? data : undefined;
  unreadable.push(file);
  return undefined;
}

/** What the file says, `undefined` if it is gone, or why it cannot be read, which is not the same. */
async function readJson(path: string): Promise<unknown> {
  try {
    if (!(await lstat(path)).isFile()) return new Error('it is not a regular file');
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    return ifGone(error);
  }
}

/** `undefined` for a file that is gone, and the error for one that is there or may be. */
function ifGone(error: unknown): Error | undefined {
  const fault = error instanceof Error ? error : new Error(String(error));
  return 'code' in fault && fault.code === 'ENOENT' ? undefined : fault;
}

function isOurPartial(file: string): boolean {
  return file.endsWith(PARTIAL) && isOurs(file);
}

function isOurs(file: string): boolean {
  return file.includes('.sql.gz') && isBackupName(dumpOf(file));
}

/** The part of a file's name that would be its dump's. */
function dumpOf(file: string): string {
  return file.slice(0, file.indexOf('.sql.gz') + '.sql.gz'.length);
}
