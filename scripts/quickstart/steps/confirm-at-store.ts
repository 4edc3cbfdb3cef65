import type { S3Receipt } from '@pgstow/shared/contract/receipt.ts';
import { manifestKey } from '@pgstow/store/object-key.ts';
import type { Run } from '../run-to-end.ts';
import { PREFIX, type Servers } from './start-servers.ts';

/** Compares the receipt with the store. */
export async function confirmAtStore({ steps, signal }: Run, { s3 }: Servers, receipt: S3Receipt): Promise<void> {
  await steps.run('Confirmed', async (report) => {
    signal.throwIfAborted();
    const objects = await s3.listObjects(receipt.bucket, receipt.key);
    const dump = objects.find(({ key }) => key === receipt.key);
    const etag = dump?.etag?.replaceAll('"', '');
    if (dump?.sizeBytes !== receipt.bytes || etag !== receipt.etag) {
      throw new Error(
        `wanted ${receipt.bytes} bytes with the ETag ${receipt.etag} at the store, got ${dump?.sizeBytes} with ${etag}`,
      );
    }
    const wanted = manifestKey(PREFIX, receipt.name);
    if (!objects.some(({ key }) => key === wanted)) throw new Error(`wanted ${wanted} at the store, found none`);
    report('size and ETag at the store, the manifest beside it');
  });
}

/** Names the facts that confirmed the upload. */
export function describeConfirmation({ confirmedBy, etag }: S3Receipt): string {
  const compared = {
    etag: `size and ETag ${etag}`,
    checksum: 'size and checksum',
    read: 'whole content',
    size: 'size',
  } as const satisfies Record<S3Receipt['confirmedBy'], string>;
  return compared[confirmedBy];
}
