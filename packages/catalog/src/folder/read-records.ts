import { acceptanceFileName, acceptanceSchema, type Acceptance } from '@pgstow/shared/contract/acceptance.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import {
  findingsAcceptanceSchema,
  parseFindingsAcceptanceFileName,
  type FindingsAcceptance,
} from '@pgstow/shared/contract/findings-acceptance.ts';
import {
  FOUND_DATABASES_FILE,
  foundDatabasesSchema,
  type FoundDatabases,
} from '@pgstow/shared/contract/found-databases.ts';
import {
  manifestFileName,
  manifestSchema,
  outlineParser,
  tablesParser,
  withheldManifestFileName,
  type Manifest,
  type ManifestOutline,
} from '@pgstow/shared/contract/manifest.ts';
import { pinFileName, pinSchema, type Pin } from '@pgstow/shared/contract/pin.ts';
import { receiptFileName, receiptSchema, type Receipt } from '@pgstow/shared/contract/receipt.ts';
import { restoreTestFileName, restoreTestSchema, type RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { Records, type RecordParser } from './records.ts';

const parsers = {
  manifest: ofJson(manifestSchema),
  outline: outlineParser,
  tables: tablesParser,
  receipt: ofJson(receiptSchema),
  restoreTest: ofJson(restoreTestSchema),
  acceptance: ofJson(acceptanceSchema),
  pin: ofJson(pinSchema),
  findingsAcceptance: ofJson(findingsAcceptanceSchema),
  foundDatabases: ofJson(foundDatabasesSchema),
} as const;

/** Reads a whole manifest. @returns a sentence that says what is wrong with it, or `undefined` if it is gone */
export function readManifest(folder: string, name: BackupName): Manifest | string | undefined {
  return readManifestBy(parsers.manifest, new Records(folder), name);
}

/**
 * Reads the text of a manifest as it lies there. @returns `undefined` if it is gone, or not one to its end
 */
export function readManifestText(folder: string, name: BackupName): Buffer | undefined {
  let text: Buffer | undefined;
  const manifest = readManifestBy<Manifest>(
    {
      safeParse: (bytes) => {
        text = Buffer.from(bytes);
        return parsers.manifest.safeParse(bytes);
      },
    },
    new Records(folder),
    name,
  );
  return typeof manifest === 'object' ? text : undefined;
}

/** Reads a manifest's outline. @returns as `readManifest` does */
export function readOutline(records: Records, name: BackupName): ManifestOutline | string | undefined {
  return readManifestBy(parsers.outline, records, name);
}

/** Reads a manifest's outline, and the rows of its tables. @returns as `readManifest` does */
export function readTables(
  folder: string,
  name: BackupName,
): (ManifestOutline & Pick<Manifest, 'tables'>) | string | undefined {
  return readManifestBy(parsers.tables, new Records(folder), name);
}

function readManifestBy<M extends ManifestOutline>(
  parser: RecordParser<M>,
  records: Records,
  name: BackupName,
): M | string | undefined {
  const file = manifestFileName(name);
  const manifest = records.read(file, parser);
  if (manifest instanceof Error) return `${file} is not a manifest: ${manifest.message}; its dump does not count`;
  if (manifest === undefined || manifest.name === name) return manifest;
  return `${file} is the manifest of ${manifest.name}; its dump does not count`;
}

/** The manifest that a dump had, or was to have, when a crash came; `undefined` if there is none that can be read. */
export function readWithheldManifest(folder: string, name: BackupName): Manifest | undefined {
  const manifest = new Records(folder).read(withheldManifestFileName(name), parsers.manifest);
  return manifest instanceof Error || manifest?.name !== name ? undefined : manifest;
}

/** @param files the records of the dump; @param unreadable gets those that are there and cannot be read */
export function readReceipts(
  records: Records,
  name: BackupName,
  files: readonly string[],
  unreadable: string[],
): ReadonlyMap<string, Receipt> {
  const receipts = new Map<string, Receipt>();
  for (const file of files) {
    if (!file.endsWith('.receipt.json')) continue;
    const receipt = records.read(file, parsers.receipt);
    if (receipt === undefined) continue;
    if (receipt instanceof Error || file !== receiptFileName(name, receipt.destination)) unreadable.push(file);
    else receipts.set(receipt.destination, receipt);
  }
  return receipts;
}

/** The restore tests of this very content. Parameters as for `readReceipts`. */
export function readRestoreTests(
  records: Records,
  { name, sha256 }: ManifestOutline,
  files: readonly string[],
  unreadable: string[],
): ReadonlyMap<string, RestoreTest> {
  const tests = new Map<string, RestoreTest>();
  for (const file of files) {
    if (!file.endsWith('.restore-test.json')) continue;
    const test = records.read(file, parsers.restoreTest);
    if (test === undefined) continue;
    if (test instanceof Error || file !== restoreTestFileName(name, test.destination)) unreadable.push(file);
    else if (test.sha256 === sha256) tests.set(test.destination, test);
  }
  return tests;
}

/** The acceptance of this very content. Parameters as for `readReceipts`. */
export function readAcceptance(
  records: Records,
  { name, sha256 }: ManifestOutline,
  files: readonly string[],
  unreadable: string[],
): Acceptance | undefined {
  const file = acceptanceFileName(name);
  const acceptance = files.includes(file) ? records.read(file, parsers.acceptance) : undefined;
  if (acceptance === undefined) return undefined;
  if (!(acceptance instanceof Error) && acceptance.name === name)
    return acceptance.sha256 === sha256 ? acceptance : undefined;
  unreadable.push(file);
  return undefined;
}

/** The word on whether a dump stays, also one that was taken back. Parameters as for `readReceipts`. */
export function readPin(
  records: Records,
  name: BackupName,
  files: readonly string[],
  unreadable: string[],
): Pin | undefined {
  const file = pinFileName(name);
  const pin = files.includes(file) ? records.read(file, parsers.pin) : undefined;
  if (pin === undefined) return undefined;
  if (!(pin instanceof Error) && pin.name === name) return pin;
  unreadable.push(file);
  return undefined;
}

/** Acceptances of findings. @param files of the folder; @param unreadable gets those that cannot be read */
export function readFindingsAcceptances(
  records: Records,
  files: Iterable<string>,
  unreadable: string[],
): readonly FindingsAcceptance[] {
  const acceptances: FindingsAcceptance[] = [];
  for (const file of files) {
    const name = parseFindingsAcceptanceFileName(file);
    if (name === undefined) continue;
    const acceptance = records.read(file, parsers.findingsAcceptance);
    if (acceptance === undefined) continue;
    if (acceptance instanceof Error || acceptance.name !== name) unreadable.push(file);
    else acceptances.push(acceptance);
  }
  return acceptances;
}

/** Databases that were found on the server. @returns `undefined` if nothing was yet, and an error if that cannot be read */
export function readFoundDatabases(records: Records): FoundDatabases | Error | undefined {
  return records.read(FOUND_DATABASES_FILE, parsers.foundDatabases);
}

type Schema<T> = { safeParse(json: unknown): ReturnType<RecordParser<T>['safeParse']> };

function ofJson<T>(schema: Schema<T>): RecordParser<T> {
  return { safeParse: (text) => schema.safeParse(JSON.parse(text.toString())) };
}
