import { findDump } from '@pgstow/catalog/folder/read-folder.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { S3Receipt } from '@pgstow/shared/contract/receipt.ts';
import type { Run } from '../run-to-end.ts';
import { waitUntil } from '../wait-until.ts';

/** Waits for the receipt: the upload worker writes it once the store has confirmed the upload. */
export async function watchUpload(run: Run, manifest: Manifest): Promise<S3Receipt> {
  return run.steps.run('Upload', async (report) => {
    const receipt = await waitUntil(run, `a receipt for ${manifest.name}`, async () => {
      const dump = await findDump(run.backupDir, manifest.name);
      const [receipt] = dump?.receipts.values() ?? [];
      return receipt !== undefined && 'bucket' in receipt ? receipt : undefined;
    });
    if (receipt.sha256 !== manifest.sha256) {
      throw new Error(`wanted a receipt for the sha256 ${manifest.sha256}, got one for ${receipt.sha256}`);
    }
    const seconds = (Date.parse(receipt.confirmedAt) - Date.parse(manifest.recordedAt)) / 1000;
    report(`to ${receipt.bucket}, confirmed ${seconds.toFixed(1)} s after the dump`);
    return receipt;
  });
}
