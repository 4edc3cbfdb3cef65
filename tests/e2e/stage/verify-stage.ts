import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { findDump } from '@pgstow/catalog/folder/read-folder.ts';
import { writeManifest } from '@pgstow/catalog/folder/write-record.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { verifyJobId, type JobData } from '@pgstow/shared/contract/jobs.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { enqueueVerify, openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { runningProcesses, type RunningProcess } from '@pgstow/testing/processes/running-processes.ts';
import type { Job } from 'bullmq';
import { setDumpStage, type DumpStage } from './dump-stage.ts';
import { expireLocks } from './faults/expire-locks.ts';
import { startApp } from './processes/start-app.ts';
import { BUCKET, settingsOf, type Environment } from './settings-of.ts';
import type { Servers } from './start-servers.ts';

/** Settings for workers that request no restore tests: a test requests them itself. */
const UNTESTED = { VERIFY_SCHEDULE: 'off' };

export type VerifyJob = Job<JobData<'verify'>, unknown>;

/** A site with its own backup folder, prefix and folder for scratch servers, and real workers. */
export interface VerifyStage extends AsyncDisposable {
  readonly dumps: DumpStage;
  readonly folder: string;
  readonly scratch: string;
  readonly prefix: string;
  readonly queue: OpenQueue<'verify'>;
  /** Dumps a database, and waits for the receipt. */
  dumpAndUpload(database: string): Promise<Manifest>;
  /** Dumps a database with a worker that has no destination. */
  dumpOnly(database: string, env?: Environment): Promise<Manifest>;
  /** Starts a verify worker, and waits until it is ready. */
  startWorker(env?: Environment): Promise<BoundProcess>;
  /** Starts a scratch host, and waits until it is ready. */
  startHost(folder: string): Promise<BoundProcess>;
  ask(name: BackupName, destination?: string, rehearse?: number): Promise<string>;
  /** Ends the locks of killed workers, see `expireLocks`. */
  expireLocks(): Promise<void>;
  /** The job, once it is in that state. */
  reaches(jobId: string, state: 'completed' | 'failed' | 'delayed' | 'active'): Promise<VerifyJob>;
  /** Requests a restore test, and returns its record, which must be good. */
  good(name: BackupName, destination?: string): Promise<RestoreTest>;
  record(name: BackupName, destination?: string): Promise<RestoreTest | undefined>;
  logOf(jobId: string): Promise<string>;
  /** Changes a dump and its manifest, in the folder and at the store, so that both agree. */
  rewrite(
    manifest: Manifest,
    changes: { text?: (sql: string) => string; manifest?: Partial<Manifest> },
  ): Promise<Manifest>;
  /** Makes a confirmed dump whose restore waits until `release`. */
  dumpHeld(database: string): Promise<Manifest>;
  /** Requests a restore test of a held dump, and returns its job in the middle of the restore. @param folder of its server */
  askHeld(name: BackupName, folder?: string): Promise<string>;
  /** Lets the restores of held dumps end, if they look from now on. */
  release(): Promise<void>;
  keyOf(name: string): string;
  /** Waits until no folder and no process of a restore test is left. */
  expectNothingLeft(): Promise<void>;
}

export type VerifyStageOptions = Omit<Servers, typeof Symbol.asyncDispose> & { readonly databases: string };

export async function setVerifyStage({ redis, postgres, s3, databases }: VerifyStageOptions): Promise<VerifyStage> {
  await using cleanup = new AsyncDisposableStack();
  const { path: scratch } = cleanup.use(await tempFolder('pgstow-verify-', unprivilegedUser()));
  const hold = join(cleanup.use(await tempFolder('pgstow-hold-', unprivilegedUser())).path, 'hold');
  const dumps = cleanup.use(await setDumpStage({ redis, postgres, databases }));
  const { folder, site } = dumps;
  const queue = cleanup.use(openQueue('verify', site, dumps.redis));
  const prefix = `${site}/`;
  const settings = {
    ...dumps.settings,
    ...settingsOf({ s3, prefix }),
    VERIFY_DIR: scratch,
    VERIFY_MEMORY_LIMIT: '128',
  };
  const owned = cleanup.move();
  const start = async (app: Parameters<typeof startApp>[0], env: Environment = {}): Promise<BoundProcess> =>
    owned.use(await startApp(app, { ...settings, ...env }));
  const keyOf = (name: string): string => prefix + name;
  const record = async (name: BackupName, destination = 's3') =>
    (await findDump(folder, name))?.restoreTests.get(destination);
  const reaches: VerifyStage['reaches'] = async (jobId, wanted) => {
    const { state, job } = await eventually(async () => {
      const state = await queue.getJobState(jobId);
      const job = await queue.getJob(jobId);
      // A job that has ended otherwise fails the test at once.
      const hasEnded = ['completed', 'failed'].includes(state) || (state === 'delayed' && job!.attemptsMade > 0);
      return (state === wanted || hasEnded) && job !== undefined && { state, job };
    });
    if (state !== wanted) throw new Error(`wanted job ${jobId} to be ${wanted}, it is ${state}: ${job.failedReason}`);
    return job;
  };
  const ask = (name: BackupName, destination = 's3', rehearse?: number) =>
    enqueueVerify(queue, name, destination, 'ad-hoc', rehearse);
  /** The workers that dump and upload. A dump without a destination ends them. */
  const uploading: BoundProcess[] = [];
  const dumpAndUpload = async (database: string): Promise<Manifest> => {
    if (uploading.length === 0) {
      const uploader = await start('upload-worker', UNTESTED);
      // It must not compare at its start what a test is about to change.
      await uploader.waitForLine(/"msg":"reconciled"/);
      uploading.push(uploader, await start('dump-worker', UNTESTED));
    }
    const { manifest } = await dumps.dump(database);
    await eventually(async () => (await findDump(folder, manifest.name))?.receipts.has('s3'));
    return manifest;
  };
  const dumpOnly: VerifyStage['dumpOnly'] = async (database, env = {}) => {
    for (const worker of uploading.splice(0)) await worker.stop();
    const worker = await dumps.startWorker({ ...UNTESTED, ...env });
    const { manifest } = await dumps.dump(database);
    await worker.stop();
    return manifest;
  };
  const rewrite: VerifyStage['rewrite'] = async (manifest, { text = (sql) => sql, manifest: changes = {} }) => {
    const path = join(folder, manifest.name);
    const sql = text(gunzipSync(await readFile(path)).toString());
    const file = gzipSync(sql);
    await writeFile(path, file);
    const rewritten = {
      ...manifest,
      bytes: file.length,
      sha256: createHash('sha256').update(file).digest('hex'),
      sqlBytes: Buffer.byteLength(sql),
      ...changes,
    };
    await writeManifest(folder, rewritten);
    await s3.putObject(BUCKET, keyOf(manifest.name), file);
    await s3.putObject(BUCKET, keyOf(`${manifest.name}.manifest.json`), Buffer.from(JSON.stringify(rewritten)));
    return rewritten;
  };
  return {
    dumps,
    folder,
    scratch,
    prefix,
    queue,
    keyOf,
    record,
    reaches,
    ask,
    expireLocks: () => expireLocks(redis, site),
    dumpOnly,
    dumpAndUpload,
    startHost: (folder) => start('scratch-host', { VERIFY_DIR: folder }),
    startWorker: (env) => start('verify-worker', { ...UNTESTED, ...env }),
    good: async (name, destination = 's3') => {
      await reaches(await ask(name, destination), 'completed');
      const found = await record(name, destination);
      if (found?.result !== 'good') throw new Error(`wanted a good restore test, got ${JSON.stringify(found)}`);
      return found;
    },
    logOf: async (jobId) => (await queue.getJobLogs(jobId)).logs.join('\n'),
    rewrite,
    dumpHeld: async (database) => {
      await writeFile(hold, '', { mode: 0o644 });
      const end = '\n--\n-- PostgreSQL database dump complete';
      const wait = `SELECT pg_catalog.pg_sleep(100 * ((pg_catalog.pg_stat_file('${hold}', true)).size IS NOT NULL)::int);`;
      return rewrite(await dumpAndUpload(database), { text: (sql) => sql.replace(end, `\n${wait}${end}`) });
    },
    askHeld: async (name, folder = scratch) => {
      const jobId = await ask(name);
      await eventually(() => restoringIn(folder) ?? null);
      return jobId;
    },
    release: () => rm(hold, { force: true }),
    expectNothingLeft: () =>
      eventually(async () => {
        const folders = await readdir(scratch);
        const running = runningProcesses().filter(({ command }) => command.includes(scratch));
        if (folders.length + running.length > 0)
          throw new Error(
            `wanted nothing left, found ${[...folders, ...running.map(({ command }) => command)].join('\n')}`,
          );
      }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The scratch servers whose data lie in a folder. */
export const serversIn = (folder: string) =>
  runningProcesses().filter(({ command }) => command.includes(`-D ${folder}`));

/** The process of such a server that restores a held dump. */
export function restoringIn(folder: string): RunningProcess | undefined {
  const servers = new Set(serversIn(folder).map(({ pid }) => pid));
  return runningProcesses().find(
    ({ command, parentPid }) => servers.has(parentPid) && /postgres: .* restored .* SELECT/.test(command),
  );
}

export function jobIdOf(name: BackupName, destination = 's3'): string {
  return verifyJobId(name, destination);
}
