import type { Receipt } from '@pgstow/shared/contract/receipt.ts';
import { manifestFileName } from '@pgstow/shared/contract/manifest.ts';
import type { Run } from './run-to-end.ts';
import type { Servers } from './start-servers.ts';

/** Asks the store itself for what the receipt says. */
export async function confirmAtStore({ steps, signal }: Run, { s3 }: Servers, receipt: Receipt): Promise<void> {
  await steps.run('Confirmed', async (tell) => {
    signal.throwIfAborted();
    const objects = await s3.listObjects(receipt.bucket, receipt.key);
    const dump = objects.find(({ key }) => key === receipt.key);
    const etag = dump?.etag?.replaceAll('"', '');
    if (dump?.sizeBytes !== receipt.bytes || etag !== receipt.etag) {
      throw new Error(
        `wanted ${receipt.bytes} bytes with the ETag ${receipt.etag} at the store, got ${dump?.sizeBytes} with ${etag}`,
      );
    }
    const manifestKey = receipt.key.replace(receipt.name, manifestFileName(receipt.name));
    if (!objects.some(({ key }) => key === manifestKey))
      throw new Error(`wanted ${manifestKey} at the store, found none`);
    tell('the store has that many bytes under that ETag, and the manifest beside them');
  });
}

/** What of the store was compared with the dump. */
export function describeConfirmation({ confirmedBy, etag }: Receipt): string {
  const compared = {
    etag: `size and ETag ${etag}`,
    checksum: 'size and checksum',
    read: 'whole content',
    size: 'size',
  } as const satisfies Record<Receipt['confirmedBy'], string>;
  return compared[confirmedBy];
}
