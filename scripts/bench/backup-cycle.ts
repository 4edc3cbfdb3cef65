import { readFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { dumpResultSchema, uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { manifestFileName, manifestSchema } from '@pgstow/shared/contract/manifest.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';
import { enqueueDump, openQueue, queuePrefix } from '@pgstow/shared/runtime/queue.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis.ts';
import type { BoundProcess } from '@pgstow/testing/bound-process.ts';
import { startProcess } from '@pgstow/testing/worker-process.ts';
import { QueueEvents, type Job } from 'bullmq';
import type { Bench } from './start-bench.ts';

const APPS = join(import.meta.dirname, '../../apps');
const silent = { warn: () => undefined } as unknown as Log;

/** The real dump worker and upload worker for one database, a site of their own, ready to go through whole cycles. */
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
    // It would run beside the next round.
    VERIFY_SCHEDULE: 'off',
    S3_BUCKET: 'pgstow-bench',
    S3_ENDPOINT: s3.endpoint,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
  const connection = stack.use(await connectRedis(redis.url, silent));
  const dumps = stack.use(openQueue('dump', database, connection));
  const uploads = stack.use(openQueue('upload', database, connection));
  const dumpEvents = new QueueEvents('dump', { connection, prefix: queuePrefix(database) });
  stack.defer(() => dumpEvents.close());
  const uploadEvents = new QueueEvents('upload', { connection, prefix: queuePrefix(database) });
  stack.defer(() => uploadEvents.close());
  const dumpWorker = stack.use(await startProcess({ script: join(APPS, 'dump-worker/src/main.ts'), env }));
  const uploadWorker = stack.use(await startProcess({ script: join(APPS, 'upload-worker/src/main.ts'), env }));
  // A worker that ends would otherwise be waited for without end.
  const failed = Promise.race([dumpWorker, uploadWorker].map(endingOf));
  failed.catch(() => undefined);
  let versions = '';
  let last: BackupName | undefined;

  return {
    /** Of the workers. */
    env,
    /** One ad-hoc dump, waited for until the store has confirmed it. */
    async run() {
      const job = await enqueueDump(dumps, database, 'ad-hoc');
      const { name } = dumpResultSchema.parse(await Promise.race([job.waitUntilFinished(dumpEvents), failed]));
      const uploadId = uploadJobId(name, 's3');
      const upload = await uploads.getJob(uploadId);
      await Promise.race([upload?.waitUntilFinished(uploadEvents), failed]);
      const manifest = manifestSchema.parse(JSON.parse(await readFile(join(folder, manifestFileName(name)), 'utf8')));
      versions = `PostgreSQL ${manifest.serverVersion}, ${manifest.compressor}`;
      // A store in memory keeps what it is given; this run has no more use for the one before.
      if (last !== undefined) await s3.deleteObject('pgstow-bench', last);
      last = name;
      return {
        name,
        bytes: manifest.bytes,
        sqlBytes: manifest.sqlBytes,
        dumpSeconds: runningSeconds(await dumps.getJob(job.id ?? '')),
        uploadSeconds: runningSeconds(await uploads.getJob(uploadId)),
      };
    },
    peakMemoryMiB: () => ({ dumpWorker: peakMemoryMiB(dumpWorker.pid), uploadWorker: peakMemoryMiB(uploadWorker.pid) }),
    get versions() {
      return versions;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function endingOf(worker: BoundProcess): Promise<never> {
  await worker.exited;
  throw new Error(`a worker ended:\n${worker.tail}`);
}

/** From when a worker took the job to when it was done with it. */
function runningSeconds(job: Pick<Job, 'processedOn' | 'finishedOn'> | undefined): number {
  return ((job?.finishedOn ?? Number.NaN) - (job?.processedOn ?? Number.NaN)) / 1000;
}

/** The most that a process has ever had in memory, as Linux counts it. */
function peakMemoryMiB(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
