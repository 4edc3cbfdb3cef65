import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { acceptanceFileName, acceptanceSchema, type Acceptance } from '@pgstow/shared/contract/acceptance.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import {
  findingsAcceptanceSchema,
  parseFindingsAcceptanceFileName,
  type FindingsAcceptance,
} from '@pgstow/shared/contract/findings-acceptance.ts';
import {
  manifestFileName,
  manifestSchema,
  withheldManifestFileName,
  type Manifest,
} from '@pgstow/shared/contract/manifest.ts';
import { receiptFileName, receiptSchema, type Receipt } from '@pgstow/shared/contract/receipt.ts';
import { restoreTestFileName, restoreTestSchema, type RestoreTest } from '@pgstow/shared/contract/restore-test.ts';

/** @returns a sentence that says what is wrong with it, or `undefined` if it is gone */
export async function readManifest(folder: string, name: BackupName): Promise<Manifest | string | undefined> {
  const file = manifestFileName(name);
  const manifest = await readRecord(folder, file, manifestSchema);
  if (manifest instanceof Error) return `${file} is not a manifest: ${manifest.message}; its dump does not count`;
  if (manifest === undefined || manifest.name === name) return manifest;
  return `${file} is the manifest of ${manifest.name}; its dump does not count`;
}

/** The manifest that a dump had, or was to have, when a crash came; `undefined` if there is none that can be read. */
export async function readWithheldManifest(folder: string, name: BackupName): Promise<Manifest | undefined> {
  const manifest = await readRecord(folder, withheldManifestFileName(name), manifestSchema);
  return manifest instanceof Error || manifest?.name !== name ? undefined : manifest;
}

/** @param files the records of the dump; @param unreadable gets those that are there and cannot be read */
export async function readReceipts(
  folder: string,
  name: BackupName,
  files: readonly string[],
  unreadable: string[],
): Promise<ReadonlyMap<string, Receipt>> {
  const receipts = new Map<string, Receipt>();
  for (const file of files.filter((each) => each.endsWith('.receipt.json'))) {
    const receipt = await readRecord(folder, file, receiptSchema);
    if (receipt === undefined) continue;
    if (receipt instanceof Error || file !== receiptFileName(name, receipt.destination)) unreadable.push(file);
    else receipts.set(receipt.destination, receipt);
  }
  return receipts;
}

/** The restore tests of this very content. Parameters as for `readReceipts`. */
export async function readRestoreTests(
  folder: string,
  { name, sha256 }: Manifest,
  files: readonly string[],
  unreadable: string[],
): Promise<ReadonlyMap<string, RestoreTest>> {
  const tests = new Map<string, RestoreTest>();
  for (const file of files.filter((each) => each.endsWith('.restore-test.json'))) {
    const test = await readRecord(folder, file, restoreTestSchema);
    if (test === undefined) continue;
    if (test instanceof Error || file !== restoreTestFileName(name, test.destination)) unreadable.push(file);
    else if (test.sha256 === sha256) tests.set(test.destination, test);
  }
  return tests;
}

/** The acceptance of this very content. Parameters as for `readReceipts`. */
export async function readAcceptance(
  folder: string,
  { name, sha256 }: Manifest,
  files: readonly string[],
  unreadable: string[],
): Promise<Acceptance | undefined> {
  const file = acceptanceFileName(name);
  const acceptance = files.includes(file) ? await readRecord(folder, file, acceptanceSchema) : undefined;
  if (acceptance === undefined) return undefined;
  if (!(acceptance instanceof Error) && acceptance.name === name)
    return acceptance.sha256 === sha256 ? acceptance : undefined;
  unreadable.push(file);
  return undefined;
}

/** Acceptances of findings. @param files of the folder; @param unreadable gets those that cannot be read */
export async function readFindingsAcceptances(
  folder: string,
  files: Iterable<string>,
  unreadable: string[],
): Promise<readonly FindingsAcceptance[]> {
  const acceptances: FindingsAcceptance[] = [];
  for (const file of files) {
    const name = parseFindingsAcceptanceFileName(file);
    if (name === undefined) continue;
    const acceptance = await readRecord(folder, file, findingsAcceptanceSchema);
    if (acceptance === undefined) continue;
    if (acceptance instanceof Error || acceptance.name !== name) unreadable.push(file);
    else acceptances.push(acceptance);
  }
  return acceptances;
}

type Schema<T> = {
  safeParse(
    json: unknown,
  ):
    | { readonly data: T; readonly error?: undefined }
    | { readonly data?: undefined; readonly error: { readonly issues: readonly { readonly message: string }[] } };
};

/** @returns `undefined` if the file is gone, and an error if it is there and cannot be read, which is not the same */
async function readRecord<T>(folder: string, file: string, schema: Schema<T>): Promise<T | Error | undefined> {
  try {
    const path = join(folder, file);
    if (!(await lstat(path)).isFile()) return new Error('it is not a regular file');
    const { data, error } = schema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return error === undefined ? data : new Error(error.issues[0]?.message ?? '');
  } catch (error) {
    return ifGone(error);
  }
}

/** `undefined` for a file that is gone, and the error for one that is there or may be. */
export function ifGone(error: unknown): Error | undefined {
  const fault = error instanceof Error ? error : new Error(String(error));
  return 'code' in fault && fault.code === 'ENOENT' ? undefined : fault;
}
