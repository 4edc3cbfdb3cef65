import { readFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { dumpResultSchema, uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { manifestFileName, manifestSchema } from '@pgstow/shared/contract/manifest.ts';
import { enqueueDump, openQueue, queuePrefix } from '@pgstow/shared/runtime/jobs/queue.ts';
import { QueueEvents, type Job } from 'bullmq';
import { BUCKET, connectQuietly, failIfEnded, startApp, type Bench } from './start-bench.ts';

/** Starts the real dump worker and upload worker for one database, in a site of their own. */
export async function backupCycle(bench: Bench, database: string) {
  const stack = new AsyncDisposableStack();
  const { postgres, redis, s3 } = bench;
  const folder = join(bench.folder, database);
  await mkdir(folder, { recursive: true });
  const env = {
    POSTGRES_HOST: postgres.host,
    POSTGRES_PORT: String(postgres.port),
    POSTGRES_USER: postgres.user,
    POSTGRES_PASSWORD: postgres.password,
    POSTGRES_DB: database,
    REDIS_URL: redis.url,
    SITE: database,
    BACKUP_DIR: folder,
    BACKUP_KEEP_LAST: '1',
    // Restore tests would run beside the next round.
    VERIFY_SCHEDULE: 'off',
    S3_BUCKET: BUCKET,
    S3_ENDPOINT: s3.endpoint,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
  const connection = stack.use(await connectQuietly(redis.url));
  const dumps = stack.use(openQueue('dump', database, connection));
  const uploads = stack.use(openQueue('upload', database, connection));
  const dumpEvents = new QueueEvents('dump', { connection, prefix: queuePrefix(database) });
  stack.defer(() => dumpEvents.close());
  const uploadEvents = new QueueEvents('upload', { connection, prefix: queuePrefix(database) });
  stack.defer(() => uploadEvents.close());
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
      const job = await enqueueDump(dumps, database, 'ad-hoc');
      const { name } = dumpResultSchema.parse(await Promise.race([job.waitUntilFinished(dumpEvents), failed]));
      const uploadId = uploadJobId(name, 's3');
      const upload = await uploads.getJob(uploadId);
      await Promise.race([upload?.waitUntilFinished(uploadEvents), failed]);
      const manifest = manifestSchema.parse(JSON.parse(await readFile(join(folder, manifestFileName(name)), 'utf8')));
      versions = `PostgreSQL ${manifest.serverVersion}, ${manifest.compressor}`;
      // This run no longer needs the one before.
      if (last !== undefined) await s3.deleteObject(BUCKET, last);
      last = name;
      return {
        name,
        bytes: manifest.bytes,
        sqlBytes: manifest.sqlBytes,
        provenSeconds: secondsFrom(job, await dumps.getJob(job.id ?? '')),
        confirmedSeconds: secondsFrom(job, await uploads.getJob(uploadId)),
      };
    },
    peakMemoryMiB: () => ({ dumpWorker: peakMemoryMiB(dumpWorker.pid), uploadWorker: peakMemoryMiB(uploadWorker.pid) }),
    get versions() {
      return versions;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Time from when one job was asked for until another has ended. */
function secondsFrom(asked: Pick<Job, 'timestamp'>, ended: Pick<Job, 'finishedOn'> | undefined): number {
  return ((ended?.finishedOn ?? Number.NaN) - asked.timestamp) / 1000;
}

/** Peak memory of a process, as Linux counts it. */
function peakMemoryMiB(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
