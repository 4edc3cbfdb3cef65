import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { S3Receipt } from '@pgstow/shared/contract/receipt.ts';
import type { Run } from '../run-to-end.ts';
import { hashFile } from './prove-dump.ts';
import type { Servers } from './start-servers.ts';

/** Fetches the dump from the store, as after the loss of the host. @returns the path of the copy */
export async function downloadDump(
  { steps, signal, folder }: Run,
  { s3 }: Servers,
  receipt: S3Receipt,
): Promise<string> {
  return steps.run('Download', async (report) => {
    signal.throwIfAborted();
    const file = join(folder, `downloaded ${receipt.name}`);
    await writeFile(file, await s3.getObject(receipt.bucket, receipt.key), { mode: 0o600 });
    const sha256 = await hashFile(file, signal);
    if (sha256 !== receipt.sha256) throw new Error(`wanted the sha256 ${receipt.sha256} from the store, got ${sha256}`);
    report('from the store, with the same sha256');
    return file;
  });
}
