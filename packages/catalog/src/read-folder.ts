import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { acceptanceFileName, acceptanceSchema, type Acceptance } from '@pgstow/shared/contract/acceptance.ts';
import { isBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { manifestFileName, manifestSchema, type Manifest } from '@pgstow/shared/contract/manifest.ts';
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
};

export type FolderContents = {
  /** Oldest first, by the time in the manifest, then by name. */
  readonly dumps: readonly KnownDump[];
  /** Regular files with a dump's name and no manifest. */
  readonly strays: readonly BackupName[];
  /** What a crash left half-written: file names that end with `.partial` and begin with a dump's name. */
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
  for (const name of names) {
    if (!isBackupName(name)) continue;
    const stats = await lstat(join(folder, name)).catch(() => undefined);
    if (stats === undefined) continue;
    if (!stats.isFile()) {
      faults.push(`${name} is not a regular file and is left alone`);
      continue;
    }
    if (!names.has(manifestFileName(name))) {
      strays.push(name);
      continue;
    }
    const dump = await readDump(folder, name, recordFiles.get(name) ?? [], stats.size, faults);
    if (dump !== undefined) dumps.push(dump);
  }
  dumps.sort(
    ({ manifest: a }, { manifest: b }) => Date.parse(a.takenAt) - Date.parse(b.takenAt) || (a.name < b.name ? -1 : 1),
  );
  return { dumps, strays, partials: [...names].filter(isOurPartial), faults };
}

/** The dump of that name, or `undefined` if it does not exist (any more) or is damaged. */
export async function findDump(folder: string, name: BackupName): Promise<KnownDump | undefined> {
  const stats = await lstat(join(folder, name)).catch(() => undefined);
  if (stats === undefined || !stats.isFile()) return undefined;
  const recordFiles = groupRecordFiles(await readdir(folder)).get(name) ?? [];
  return readDump(folder, name, recordFiles, stats.size, []);
}

/** What others record of a dump, by the name that they begin with, whether it is a dump's or not: one pass over a folder of thousands. */
function groupRecordFiles(files: Iterable<string>): ReadonlyMap<string, readonly string[]> {
  return Map.groupBy(
    [...files].filter((file) => isRecordBesideManifest(file)),
    (file) => file.slice(0, file.indexOf('.sql.gz') + '.sql.gz'.length),
  );
}

async function readDump(
  folder: string,
  name: BackupName,
  recordFiles: readonly string[],
  bytes: number,
  faults: string[],
): Promise<KnownDump | undefined> {
  const manifest = await readManifest(folder, name);
  if (typeof manifest === 'string') faults.push(manifest);
  else if (manifest.bytes !== bytes) {
    faults.push(
      `${name} has ${bytes} bytes where its manifest says ${manifest.bytes}; it is damaged and does not count`,
    );
  } else {
    return {
      manifest,
      receipts: await readReceipts(folder, name, recordFiles, faults),
      restoreTests: await readRestoreTests(folder, manifest, recordFiles, faults),
      acceptance: await readAcceptance(folder, manifest, recordFiles, faults),
    };
  }
  return undefined;
}

async function readManifest(folder: string, name: BackupName): Promise<Manifest | string> {
  const file = manifestFileName(name);
  const parsed = manifestSchema.safeParse(await readJson(join(folder, file)));
  if (!parsed.success)
    return `${file} is not a manifest: ${parsed.error.issues[0]?.message ?? ''}; its dump does not count`;
  return parsed.data.name === name
    ? parsed.data
    : `${file} is the manifest of ${parsed.data.name}; its dump does not count`;
}

async function readReceipts(
  folder: string,
  name: BackupName,
  recordFiles: readonly string[],
  faults: string[],
): Promise<ReadonlyMap<string, Receipt>> {
  const receipts = new Map<string, Receipt>();
  for (const file of recordFiles.filter((each) => each.endsWith('.receipt.json'))) {
    const parsed = receiptSchema.safeParse(await readJson(join(folder, file)));
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
  faults: string[],
): Promise<ReadonlyMap<string, RestoreTest>> {
  const tests = new Map<string, RestoreTest>();
  for (const file of recordFiles.filter((each) => each.endsWith('.restore-test.json'))) {
    const { data } = restoreTestSchema.safeParse(await readJson(join(folder, file)));
    if (data === undefined || file !== restoreTestFileName(name, data.destination))
      faults.push(`${file} is not the record of a restore test; it counts for nothing`);
    else if (data.sha256 === sha256) tests.set(data.destination, data);
  }
  return tests;
}

async function readAcceptance(
  folder: string,
  { name, sha256 }: Manifest,
  recordFiles: readonly string[],
  faults: string[],
): Promise<Acceptance | undefined> {
  const file = acceptanceFileName(name);
  if (!recordFiles.includes(file)) return undefined;
  const { data } = acceptanceSchema.safeParse(await readJson(join(folder, file)));
  if (data?.name === name) return data.sha256 === sha256 ? data : undefined;
  faults.push(`${file} is not the record of an acceptance; it counts for nothing`);
  return undefined;
}

async function readJson(path: string): Promise<unknown> {
  try {
    if (!(await lstat(path)).isFile()) return undefined;
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function isOurPartial(file: string): boolean {
  const end = file.indexOf('.sql.gz');
  return file.endsWith(PARTIAL) && end !== -1 && isBackupName(file.slice(0, end + '.sql.gz'.length));
}
