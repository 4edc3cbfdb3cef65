import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { enqueueUpload, queuePrefix, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { UnrecoverableError, Worker } from 'bullmq';

/** Makes an upload job, of a dump of that minute, fail for good. @returns its id */
export async function failUpload(uploads: OpenQueue<'upload'>, redisUrl: string, minute: number): Promise<string> {
  const name = formatBackupName('shop', new Date(Date.UTC(2026, 0, 2, 3, minute)));
  await enqueueUpload(uploads, name, 's3');
  const worker = new Worker(
    'upload',
    async () => {
      throw new UnrecoverableError('no such bucket');
    },
    { connection: { url: redisUrl, maxRetriesPerRequest: null }, prefix: queuePrefix('default') },
  );
  await eventually(async () => (await uploads.getJobState(uploadJobId(name, 's3'))) === 'failed');
  await worker.close();
  return uploadJobId(name, 's3');
}
