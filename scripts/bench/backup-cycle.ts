import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { dumpResultSchema, uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { manifestFileName, manifestSchema } from '@pgstow/shared/contract/manifest.ts';
import { enqueueDump } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { Job } from 'bullmq';
import { peakMiB } from './process-usage.ts';
import { BUCKET, connectQuietly, failIfEnded, startApp, type Bench } from './start-bench.ts';
import { watchJobs } from './watch-jobs.ts';

/** Starts the real dump worker and upload worker for one database, in a site of their own. */
export async function backupCycle(bench: Bench, database: string) {
  const stack = new AsyncDisposableStack();
  const env = {
    ...(await bench.settingsOf(database)),
    POSTGRES_DB: database,
    BACKUP_KEEP_LAST: '1',
    // Restore tests would run beside the next round.
    VERIFY_SCHEDULE: 'off',
  };
  const connection = stack.use(await connectQuietly(bench.redis.url));
  const dumps = stack.use(watchJobs('dump', database, connection));
  const uploads = stack.use(watchJobs('upload', database, connection));
  const dumpWorker = stack.use(await startApp('dump-worker', env));
  const uploadWorker = stack.use(await startApp('upload-worker', env));
  const failed = failIfEnded(dumpWorker, uploadWorker);
  failed.catch(() => undefined);
  let versions = '';
  let last: BackupName | undefined;

  return {
    /** Environment of the workers. */
    env,
    /** Makes one ad-hoc dump, and waits until the store has confirmed it. Seconds count from when it was asked for. */
    async run() {
      const { id, timestamp } = await enqueueDump(dumps.queue, database, 'ad-hoc');
      const dump = await dumps.ended(id, failed);
      const { name } = dumpResultSchema.parse(dump.returnvalue);
      const upload = await uploads.ended(uploadJobId(name, 's3'), failed);
      const manifest = manifestSchema.parse(
        JSON.parse(await readFile(join(env.BACKUP_DIR, manifestFileName(name)), 'utf8')),
      );
      versions = `PostgreSQL ${manifest.serverVersion}, ${manifest.compressor}`;
      // This run no longer needs the one before.
      if (last !== undefined) await bench.s3.deleteObject(BUCKET, `${database}/${last}`);
      last = name;
      return {
        name,
        bytes: manifest.bytes,
        sqlBytes: manifest.sqlBytes,
        provenSeconds: secondsFrom(timestamp, dump),
        confirmedSeconds: secondsFrom(timestamp, upload),
      };
    },
    peakMemoryMiB: () => ({ dumpWorker: peakMiB(dumpWorker.pid), uploadWorker: peakMiB(uploadWorker.pid) }),
    get versions() {
      return versions;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Time from when a job was asked for until another has ended. */
export function secondsFrom(askedAt: number, { finishedOn = Number.NaN }: Pick<Job, 'finishedOn'>): number {
  return (finishedOn - askedAt) / 1000;
}
