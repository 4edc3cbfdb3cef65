import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { acceptanceFileName, acceptanceSchema, type Acceptance } from '@pgstow/shared/contract/acceptance.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import {
  manifestFileName,
  manifestSchema,
  withheldManifestFileName,
  type Manifest,
} from '@pgstow/shared/contract/manifest.ts';
import { receiptFileName, receiptSchema, type Receipt } from '@pgstow/shared/contract/receipt.ts';
import { restoreTestFileName, restoreTestSchema, type RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { promoteFile, syncFolder, writeFileAtomically } from '@pgstow/shared/runtime/atomic-file.ts';

/** From now on the dump exists. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  await writeRecord(folder, manifestFileName(manifest.name), manifestSchema.parse(manifest));
}

/** Writes a manifest to where it waits for its dump to be named. */
export async function withholdManifest(folder: string, manifest: Manifest): Promise<void> {
  await writeRecord(folder, withheldManifestFileName(manifest.name), manifestSchema.parse(manifest));
}

/** From now on the dump exists. @throws if no manifest of it is withheld */
export async function releaseManifest(folder: string, name: BackupName): Promise<void> {
  await promoteFile(join(folder, withheldManifestFileName(name)), join(folder, manifestFileName(name)));
}

/** From now on the upload is confirmed. */
export async function writeReceipt(folder: string, receipt: Receipt): Promise<void> {
  await writeRecord(folder, receiptFileName(receipt.name, receipt.destination), receiptSchema.parse(receipt));
}

/** What a restore test found, in place of what an earlier one did. */
export async function writeRestoreTest(folder: string, test: RestoreTest): Promise<void> {
  await writeRecord(folder, restoreTestFileName(test.name, test.destination), restoreTestSchema.parse(test));
}

/** From now on a suspect dump counts. */
export async function writeAcceptance(folder: string, acceptance: Acceptance): Promise<void> {
  await writeRecord(folder, acceptanceFileName(acceptance.name), acceptanceSchema.parse(acceptance));
}

/** The store no longer has what the receipt says: the upload is not confirmed any more. */
export async function removeReceipt(folder: string, receipt: Receipt): Promise<void> {
  await rm(join(folder, receiptFileName(receipt.name, receipt.destination)), { force: true });
  await syncFolder(folder);
}

async function writeRecord(folder: string, file: string, record: object): Promise<void> {
  await writeFileAtomically(join(folder, file), `${JSON.stringify(record, undefined, 2)}\n`);
}
