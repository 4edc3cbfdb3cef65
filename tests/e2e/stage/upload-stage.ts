import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { findDump } from '@pgstow/catalog/folder/read-folder.ts';
import { writeManifest } from '@pgstow/catalog/folder/write-record.ts';
import { formatBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { uploadJobId, type JobData } from '@pgstow/shared/contract/jobs.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { Receipt } from '@pgstow/shared/contract/receipt.ts';
import { queuePrefix } from '@pgstow/shared/runtime/jobs/queue.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { startFaultProxy, type FaultProxy } from '@pgstow/testing/servers/fault-proxy.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { startS3, type S3Options, type S3Server } from '@pgstow/testing/servers/s3-server.ts';
import { Queue, type Job } from 'bullmq';
import { mainOf } from './processes/start-app.ts';
import { BUCKET, settingsOf } from './settings-of.ts';

export const PREFIX = 'site/';
export const MIB = 1024 * 1024;

/** Servers, a backup folder and real upload workers for one test. */
export interface UploadStage extends AsyncDisposable {
  readonly folder: string;
  readonly redis: RedisServer;
  readonly s3: S3Server;
  /** The proxy between worker and S3. */
  readonly proxy: FaultProxy;
  readonly queue: Queue<unknown>;
  /** The environment of every worker of this stage. */
  readonly settings: Readonly<Record<string, string>>;
  startWorker(env?: Readonly<Record<string, string>>): Promise<BoundProcess>;
  receiptOf(name: BackupName): Promise<Receipt | undefined>;
  /** The receipt, once it is there. The object and its manifest are read back and compared. */
  uploaded(manifest: Manifest): Promise<Receipt>;
  jobOf(name: BackupName): Promise<Job<unknown> | undefined>;
  /** The job of a dump's upload once it has failed for good. */
  failed(name: BackupName): Promise<Job<unknown>>;
}

export async function setUploadStage(
  options: Pick<S3Options, 'refuses' | 'isMute' | 'isVersioned'> = {},
): Promise<UploadStage> {
  await using cleanup = new AsyncDisposableStack();
  const { path: folder } = cleanup.use(await tempFolder('pgstow-upload-'));
  const redis = cleanup.use(await startRedis());
  const s3 = cleanup.use(await startS3({ buckets: [BUCKET], ...options }));
  const proxy = cleanup.use(await startFaultProxy({ targetPort: s3.port }));
  const queue = new Queue<unknown>('upload', {
    connection: { host: redis.host, port: redis.port },
    prefix: queuePrefix('default'),
  });
  queue.on('error', () => undefined);
  cleanup.defer(() => queue.close());
  const owned = cleanup.move();

  const settings = settingsOf({ redis, s3: { ...s3, endpoint: proxy.url }, prefix: PREFIX, folder });
  const receiptOf = async (name: BackupName): Promise<Receipt | undefined> =>
    (await findDump(folder, name))?.receipts.get('s3');
  const jobOf = (name: BackupName) => queue.getJob(uploadJobId(name, 's3'));
  return {
    folder,
    redis,
    s3,
    proxy,
    queue,
    settings,
    receiptOf,
    jobOf,
    startWorker: async (env = {}) =>
      owned.use(await startProcess({ script: mainOf('upload-worker'), env: { ...settings, ...env } })),
    uploaded: async (manifest) => {
      const receipt = await eventually(async () => (await receiptOf(manifest.name)) ?? null);
      const object = await s3.getObject(BUCKET, PREFIX + manifest.name);
      const sha256 = createHash('sha256').update(object).digest('hex');
      if (sha256 !== manifest.sha256) throw new Error(`wanted ${manifest.sha256} at the store, got ${sha256}`);
      const stored = await s3.getObject(BUCKET, `${PREFIX}${manifest.name}.manifest.json`);
      const local = await readFile(join(folder, `${manifest.name}.manifest.json`));
      if (!stored.equals(local)) throw new Error(`wanted the manifest at the store, got ${stored.toString()}`);
      return receipt;
    },
    failed: (name) =>
      eventually(async () => {
        if ((await queue.getJobState(uploadJobId(name, 's3'))) !== 'failed') return null;
        return (await jobOf(name)) ?? null;
      }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export type MakeDumpOptions = {
  /** The compressed size, about; a few hundred bytes unless given. */
  readonly bytes?: number;
  readonly takenAt?: Date;
  /** The database; `shop` unless given. */
  readonly database?: string;
};

/** Makes a dump without a manifest: SQL text in gzip, which ends as pg_dump's does. */
export async function makeFile(
  folder: string,
  { bytes = 0, takenAt = new Date(), database = 'shop' }: MakeDumpOptions = {},
) {
  const name = formatBackupName(database, takenAt);
  // Hexadecimal digits of random bytes compress to about the bytes' size.
  const noise = randomBytes(Math.ceil(bytes * 0.88)).toString('hex');
  const rows = noise.replaceAll(/.{1,1000}/g, '$&\n');
  const sql = Buffer.from(
    `--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE public.t (a text);\n\nCOPY public.t (a) FROM stdin;\n${rows}\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n`,
  );
  const file = gzipSync(sql, { level: 1 });
  await writeFile(join(folder, name), file, { mode: 0o600 });
  return { name, file, sqlBytes: sql.length, rows: rows.split('\n').length - 1 };
}

/** Makes a dump as the dump worker leaves it. */
export async function makeDump(folder: string, options: MakeDumpOptions = {}): Promise<Manifest> {
  const { takenAt = new Date(), database = 'shop' } = options;
  const { name, file, sqlBytes, rows } = await makeFile(folder, { ...options, takenAt });
  const manifest: Manifest = {
    version: 1,
    name,
    database,
    takenAt: new Date(Math.floor(takenAt.getTime() / 1000) * 1000).toISOString(),
    origin: 'dumped',
    recordedAt: new Date().toISOString(),
    bytes: file.length,
    sha256: createHash('sha256').update(file).digest('hex'),
    sqlBytes,
    tables: { 'public.t': rows },
  };
  await writeManifest(folder, manifest);
  return manifest;
}

export function uploadJob(name: string): JobData<'upload'> {
  return { name: name as BackupName, destination: 's3' };
}

/** The requests that put a dump, whole or in parts. */
export function putsOf({ proxy }: UploadStage, name: string) {
  return proxy.requests.filter(({ method, path }) => method === 'PUT' && path.split('?')[0]?.endsWith(`/${name}`));
}

/** The body of a refusal by S3. */
export function s3Error(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>refused by the test</Message></Error>`;
}
