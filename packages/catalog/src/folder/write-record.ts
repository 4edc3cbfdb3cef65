import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { acceptanceFileName, acceptanceSchema, type Acceptance } from '@pgstow/shared/contract/acceptance.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import {
  findingsAcceptanceFileName,
  findingsAcceptanceSchema,
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
  sealedManifestFileName,
  withheldManifestFileName,
  type Manifest,
} from '@pgstow/shared/contract/manifest.ts';
import { pinFileName, pinSchema, type Pin } from '@pgstow/shared/contract/pin.ts';
import { receiptFileName, receiptSchema, type Receipt } from '@pgstow/shared/contract/receipt.ts';
import { restoreTestFileName, restoreTestSchema, type RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { promoteFile, syncFolder, writeFileAtomically } from '@pgstow/shared/runtime/atomic-file.ts';

/** Writes a manifest. From then on its dump exists. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  await writeRecord(folder, manifestFileName(manifest.name), manifestSchema.parse(manifest));
}

/** Writes a manifest under the name that it has until its dump has its own. */
export async function withholdManifest(folder: string, manifest: Manifest): Promise<void> {
  await writeRecord(folder, withheldManifestFileName(manifest.name), manifestSchema.parse(manifest));
}

/** Gives a withheld manifest its name. From then on its dump exists. @throws if no manifest of it is withheld */
export async function releaseManifest(folder: string, name: BackupName): Promise<void> {
  await promoteFile(join(folder, withheldManifestFileName(name)), join(folder, manifestFileName(name)));
}

/** Writes a manifest that was encrypted, for destinations. @param text in age's form of letters and digits */
export async function writeSealedManifest(folder: string, name: BackupName, text: string): Promise<void> {
  await writeFileAtomically(join(folder, sealedManifestFileName(name)), text);
}

/** Writes a receipt. From then on the upload is confirmed. */
export async function writeReceipt(folder: string, receipt: Receipt): Promise<void> {
  await writeRecord(folder, receiptFileName(receipt.name, receipt.destination), receiptSchema.parse(receipt));
}

/** Writes a restore test, in place of an earlier one. */
export async function writeRestoreTest(folder: string, test: RestoreTest): Promise<void> {
  await writeRecord(folder, restoreTestFileName(test.name, test.destination), restoreTestSchema.parse(test));
}

/** Writes an acceptance. From then on the suspect dump counts. */
export async function writeAcceptance(folder: string, acceptance: Acceptance): Promise<void> {
  await writeRecord(folder, acceptanceFileName(acceptance.name), acceptanceSchema.parse(acceptance));
}

/** Writes an acceptance of findings. From then on no test of that database is bad for them. */
export async function writeFindingsAcceptance(folder: string, acceptance: FindingsAcceptance): Promise<void> {
  const file = findingsAcceptanceFileName(acceptance.name);
  await writeRecord(folder, file, findingsAcceptanceSchema.parse(acceptance));
}

/** Writes a pin. From then on the backup is deleted nowhere, or may be again, as it says. */
export async function writePin(folder: string, pin: Pin): Promise<void> {
  await writeRecord(folder, pinFileName(pin.name), pinSchema.parse(pin));
}

/** Writes which databases the server has. From then on, these are the targets. */
export async function writeFoundDatabases(folder: string, found: FoundDatabases): Promise<void> {
  await writeRecord(folder, FOUND_DATABASES_FILE, foundDatabasesSchema.parse(found));
}

/** Removes a receipt that the destination refutes. From then on the upload is not confirmed. */
export async function removeReceipt(folder: string, receipt: Receipt): Promise<void> {
  await rm(join(folder, receiptFileName(receipt.name, receipt.destination)), { force: true });
  await syncFolder(folder);
}

async function writeRecord(folder: string, file: string, record: object): Promise<void> {
  await writeFileAtomically(join(folder, file), `${JSON.stringify(record, undefined, 2)}\n`);
}
