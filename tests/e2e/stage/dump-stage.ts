import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { findDump, readFolder, type WholeDump } from '@pgstow/catalog/folder/read-folder.ts';
import { dumpResultSchema, type JobData } from '@pgstow/shared/contract/jobs.ts';
import { jobOptions, openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { connectRedis, type RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { descendants, type RunningProcess } from '@pgstow/testing/processes/running-processes.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import type { PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import type { RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import type { Job } from 'bullmq';
import { mainOf, startApp } from './processes/start-app.ts';
import { log } from './processes/start-connected-redis.ts';
import { BUCKET, settingsOf, type Environment } from './settings-of.ts';

/** A destination without an upload worker: upload jobs stay in the queue. */
export const DESTINATION = { S3_BUCKET: BUCKET, S3_ENDPOINT: 'http://127.0.0.1:9' } as const;

export type DumpJob = Job<JobData<'dump'>, unknown>;

/** A site on shared servers, with its own backup folder and real dump workers. */
export interface DumpStage extends AsyncDisposable {
  readonly site: string;
  readonly folder: string;
  readonly redis: RedisConnection;
  readonly dumps: OpenQueue<'dump'>;
  readonly uploads: OpenQueue<'upload'>;
  /** The environment of every worker of this stage; `env` changes it. */
  readonly settings: Environment;
  /** Starts a worker, and waits until it is ready. */
  startWorker(env?: Environment): Promise<BoundProcess>;
  /** The same, without waiting. */
  launchWorker(env?: Environment): Promise<BoundProcess>;
  enqueue(target: string): Promise<DumpJob>;
  /** Enqueues a dump, waits for its end and returns the dump as the folder holds it. */
  dump(target: string): Promise<WholeDump>;
  completed(job: DumpJob): Promise<WholeDump>;
  /** The reason of a job, once it has failed for good. */
  failed(job: DumpJob): Promise<string>;
  /** The reason of a failed attempt, once the job waits for its next one. */
  attemptFailed(job: DumpJob): Promise<string>;
  /** Makes the next attempt now, as "promote" on the board does. */
  retryNow(job: DumpJob): Promise<void>;
  logOf(job: DumpJob): Promise<string>;
  /** All names in the folder, sorted. */
  files(): Promise<readonly string[]>;
  known(): Promise<readonly WholeDump[]>;
}

export type StageOptions = {
  readonly redis: Pick<RedisServer, 'url'>;
  readonly postgres: PostgresServer;
  /** As in POSTGRES_DB. */
  readonly databases: string;
  /** The backup folder; a private temp folder unless given. */
  readonly folder?: string;
};

let sites = 0;

export async function setDumpStage(options: StageOptions): Promise<DumpStage> {
  await using cleanup = new AsyncDisposableStack();
  const folder = options.folder ?? cleanup.use(await tempFolder('pgstow-dump-')).path;
  const site = `site-${(sites += 1)}`;
  const redis = cleanup.use(await connectRedis(options.redis.url, log));
  const dumps = cleanup.use(openQueue('dump', site, redis));
  const uploads = cleanup.use(openQueue('upload', site, redis));
  const { postgres, databases } = options;
  const settings = {
    ...settingsOf({ postgres, databases, redis: options.redis, folder }),
    SITE: site,
    LOG_LEVEL: 'debug',
  };
  const owned = cleanup.move();

  const launchWorker = async (env: Environment = {}): Promise<BoundProcess> =>
    owned.use(await startProcess({ script: mainOf('dump-worker'), env: { ...settings, ...env } }));
  const known = async (): Promise<readonly WholeDump[]> => {
    const { dumps } = await readFolder(folder);
    const whole = await Promise.all(dumps.map(({ manifest }) => findDump(folder, manifest.name)));
    return whole.filter((dump) => dump !== undefined);
  };
  /** The job from Redis, once it is in that state. */
  const reaches = async (job: DumpJob, wanted: string): Promise<DumpJob> => {
    const { state, now } = await eventually(async () => {
      const state = await dumps.getJobState(job.id ?? '');
      const now = await dumps.getJob(job.id ?? '');
      // A job that has ended otherwise fails the test at once.
      if (![wanted, 'completed', 'failed'].includes(state) || now === undefined)
        throw new Error(`wanted job ${job.id} to be ${wanted}, it is ${state}: ${now?.failedReason ?? ''}`);
      return { state, now };
    });
    if (state === wanted) return now;
    throw new Error(`wanted job ${job.id} to be ${wanted}, it has ${state}: ${now.failedReason ?? ''}`);
  };
  const completed = async (job: DumpJob): Promise<WholeDump> => {
    const { returnvalue } = await reaches(job, 'completed');
    const { name } = dumpResultSchema.parse(returnvalue);
    const dump = (await known()).find(({ manifest }) => manifest.name === name);
    if (dump === undefined) throw new Error(`wanted ${name} in the folder, found ${(await readdir(folder)).join(' ')}`);
    return dump;
  };
  // The pause is so long that only the test makes the next attempt.
  const backoff = { type: 'capped', delay: 30 * 60 * 1000 };
  const enqueue = (target: string): Promise<DumpJob> =>
    dumps.add('ad-hoc', { target }, { ...jobOptions.dump, backoff });
  return {
    site,
    folder,
    redis,
    dumps,
    uploads,
    settings,
    launchWorker,
    startWorker: async (env) => owned.use(await startApp('dump-worker', { ...settings, ...env })),
    enqueue,
    dump: async (target) => completed(await enqueue(target)),
    completed,
    failed: async (job) => (await reaches(job, 'failed')).failedReason ?? '',
    attemptFailed: (job) =>
      eventually(async () => {
        const now = await reaches(job, 'delayed');
        return now.attemptsMade > 0 ? now.failedReason : undefined!;
      }).then((reason) => reason ?? ''),
    retryNow: async (job) => {
      const promoted = (await dumps.getJob(job.id ?? ''))?.promote();
      // The wait is random and may be over by itself.
      await promoted?.catch(async (error: unknown) => {
        if ((await dumps.getJobState(job.id ?? '')) === 'delayed') throw error;
      });
    },
    logOf: async (job) => (await dumps.getJobLogs(job.id ?? '')).logs.join('\n'),
    files: async () => (await readdir(folder)).sort(),
    known,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The worker's child that runs a program, once it is there. */
export function childOf(worker: BoundProcess, program: RegExp): Promise<RunningProcess> {
  return eventually(() => descendants(worker.pid).find(({ command }) => program.test(command)) ?? false, {
    everyMs: 5,
  });
}

export const PG_DUMP = /pg_dump --format=plain/;
export const COMPRESSOR = /^igzip -1 -c$/;

/** Resolves once a dump is under way with at least this much on the disk. Returns the partial's name. */
export function partialOf(folder: string, atLeastBytes = 1): Promise<string> {
  return eventually(
    async () => {
      const partial = (await readdir(folder)).find((name) => /\.sql\.gz(?:\.age)?\.partial$/.test(name));
      return partial !== undefined && (await stat(join(folder, partial))).size >= atLeastBytes ? partial : false;
    },
    { everyMs: 5 },
  );
}

/**
 * Has a worker dump a database with a `noiseTable`, and stops its pg_dump in the middle of the rows.
 *
 * @returns the job, and the pid of the stopped pg_dump
 */
export async function holdDump(
  stage: DumpStage,
  worker: BoundProcess,
  postgres: PostgresServer,
  database: string,
): Promise<{ readonly job: DumpJob; readonly pid: number }> {
  await using _lock = await lockLastNoise(postgres, database);
  const job = await stage.enqueue(database);
  await partialOf(stage.folder, 1_000_000);
  const { pid } = await childOf(worker, PG_DUMP);
  process.kill(pid, 'SIGSTOP');
  return { job, pid };
}

/**
 * SQL for a table of a thousand rows a megabyte, whose dump has about this size and hardly compresses. Its last row alone is so
 * long that a part of it lies apart, in the TOAST table.
 */
export function noiseTable(megabytes: number): string {
  const rows = megabytes * 1000;
  return `CREATE TABLE noise AS SELECT i, (SELECT string_agg(md5(random()::text || i || j), '')
    FROM generate_series(1, CASE i WHEN ${rows} THEN 256 ELSE 32 END) j) AS text FROM generate_series(1, ${rows}) i`;
}

/** A session that keeps every other from the last row of a `noiseTable` until it is disposed. */
export function lockLastNoise(postgres: PostgresServer, database: string): Promise<AsyncDisposable> {
  return lock(
    postgres,
    database,
    `DO $$ BEGIN EXECUTE format('REINDEX INDEX %s', (SELECT indexrelid::regclass FROM pg_index JOIN pg_class c ON indrelid = reltoastrelid
      WHERE c.oid = 'noise'::regclass)); END $$`,
  );
}

/** A session that locks the table `t` of a database until it is disposed. */
export function lockTable(postgres: PostgresServer, database: string): Promise<AsyncDisposable> {
  return lock(postgres, database, 'LOCK TABLE t');
}

let locks = 0;

async function lock(postgres: PostgresServer, database: string, statement: string): Promise<AsyncDisposable> {
  const name = `lock ${(locks += 1)}`;
  const session = await startProcess({
    command: `${postgres.binDir}/psql`,
    args: ['-X', '-c', `BEGIN; ${statement}; SELECT pg_sleep(600)`],
    env: { ...postgres.env(database), PGAPPNAME: name },
  });
  const holder = `FROM pg_stat_activity WHERE application_name = '${name}'`;
  await eventually(async () => (await postgres.psql('postgres', `SELECT wait_event ${holder}`)) === 'PgSleep');
  return {
    [Symbol.asyncDispose]: async () => {
      await postgres.psql('postgres', `SELECT pg_terminate_backend(pid) ${holder}`);
      await session[Symbol.asyncDispose]();
    },
  };
}
