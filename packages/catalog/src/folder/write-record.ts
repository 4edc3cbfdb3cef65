import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { acceptanceFileName, acceptanceSchema, type Acceptance } from '@pgstow/shared/contract/acceptance.ts';
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
  const json = `${JSON.stringify(manifestSchema.parse(manifest), undefined, 2)}\n`;
  await writeFileAtomically(join(folder, manifestFileName(manifest.name)), json);
}

/** Writes a manifest to where it waits for its dump to be named. */
export async function withholdManifest(folder: string, manifest: Manifest): Promise<void> {
  const json = `${JSON.stringify(manifestSchema.parse(manifest), undefined, 2)}\n`;
  await writeFileAtomically(join(folder, withheldManifestFileName(manifest.name)), json);
}

/** From now on the dump exists. @throws if no manifest of it is withheld */
export async function releaseManifest(folder: string, name: BackupName): Promise<void> {
  await promoteFile(join(folder, withheldManifestFileName(name)), join(folder, manifestFileName(name)));
}

/** From now on the upload is confirmed. */
export async function writeReceipt(folder: string, receipt: Receipt): Promise<void> {
  const json = `${JSON.stringify(receiptSchema.parse(receipt), undefined, 2)}\n`;
  await writeFileAtomically(join(folder, receiptFileName(receipt.name, receipt.destination)), json);
}

/** What a restore test found, in place of what an earlier one did. */
export async function writeRestoreTest(folder: string, test: RestoreTest): Promise<void> {
  const json = `${JSON.stringify(restoreTestSchema.parse(test), undefined, 2)}\n`;
  await writeFileAtomically(join(folder, restoreTestFileName(test.name, test.destination)), json);
}

/** From now on a suspect dump counts. */
export async function writeAcceptance(folder: string, acceptance: Acceptance): Promise<void> {
  const json = `${JSON.stringify(acceptanceSchema.parse(acceptance), undefined, 2)}\n`;
  await writeFileAtomically(join(folder, acceptanceFileName(acceptance.name)), json);
}

/** The store no longer has what the receipt says: the upload is not confirmed any more. */
export async function removeReceipt(folder: string, receipt: Receipt): Promise<void> {
  await rm(join(folder, receiptFileName(receipt.name, receipt.destination)), { force: true });
  await syncFolder(folder);
}
