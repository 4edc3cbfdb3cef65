import { readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { manifestFileName, type Manifest } from '@pgstow/shared/contract/manifest.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { execa } from 'execa';
import { formatTable } from './format-table.ts';
import { makeManyDumps } from './make-many-dumps.ts';
import type { Section } from './section.ts';
import { BUCKET, startApp, type Bench } from './start-bench.ts';

const DATABASES = Array.from({ length: 50 }, (_, index) => `database_${index}`);
const TABLES = 100;
const WORKERS = ['dump-worker', 'upload-worker', 'verify-worker'] as const;
const CLI = join(import.meta.dirname, '../../apps/cli/src/main.ts');
const COMMANDS = [
  ['status'],
  ['prune', '--dry-run'],
  ['list', '--json'],
  // As after the folder was lost.
  ['list', '--json', '--from', 's3'],
] as const;

/** Time, processor time and peak memory of a process. */
type ManyDumpsRow = {
  readonly what: string;
  readonly dumps: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
};

/**
 * Measures what reads a folder and a store of many dumps, each with 100 tables: workers from their start until they have reconciled,
 * and commands to their end.
 */
export async function measureManyDumps(
  bench: Bench,
  counts: readonly number[] = [100, 1000, 10_000],
): Promise<Section> {
  const rows: ManyDumpsRow[] = [];
  for (const dumps of counts) {
    console.log(`many dumps: ${dumps}`);
    rows.push(...(await measure(bench, dumps)));
  }
  const what = [...new Set(rows.map((row) => row.what))];
  const of = (name: string, dumps: number) => rows.find((row) => row.what === name && row.dumps === dumps);
  const cells = what.map((name) => [
    name,
    ...counts.map((dumps) => `${of(name, dumps)?.seconds.toFixed(2)} s`),
    `${of(name, counts.at(-1) ?? 0)?.peakMiB.toFixed(0)} MiB`,
  ]);
  return {
    title: 'Many dumps',
    blocks: [
      `Folders of ${DATABASES.length} databases whose dumps have ${TABLES} tables each: a manifest of 35 kB. All are at the store as well.`,
      formatTable([['', ...counts.map((dumps) => `${dumps.toLocaleString('en')} dumps`), 'peak'], ...cells]),
    ],
    ratios: {},
  };
}

async function measure({ folder: parent, redis, s3 }: Bench, dumps: number): Promise<readonly ManyDumpsRow[]> {
  const site = `many-${dumps}`;
  const folder = join(parent, site);
  await mkdir(folder);
  // Started by root, a scratch server runs as another user, who must be able to enter.
  await using scratch = await tempFolder('pgstow-bench-scratch-', unprivilegedUser());
  const prefix = `${site}/`;
  const destination = { name: 's3', bucket: BUCKET, prefix, endpoint: s3.endpoint };
  const manifests = makeManyDumps(folder, { dumps, databases: DATABASES, tables: TABLES, destination });
  await fillBucket(s3, prefix, manifests);
  const env = {
    REDIS_URL: redis.url,
    SITE: site,
    BACKUP_DIR: folder,
    POSTGRES_HOST: '127.0.0.1',
    POSTGRES_USER: 'nobody',
    POSTGRES_DB: DATABASES.join(','),
    S3_BUCKET: BUCKET,
    S3_PREFIX: site,
    S3_ENDPOINT: s3.endpoint,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    VERIFY_SCHEDULE: 'off',
    VERIFY_DIR: scratch.path,
    PATH: process.env['PATH'] ?? '',
  };
  const rows: ManyDumpsRow[] = [];
  for (const app of WORKERS) {
    const startedAt = performance.now();
    await using worker = await startApp(app, env);
    await worker.waitForLine(/"reconciled"/);
    rows.push({ what: `${app}, start to reconciled`, dumps, seconds: secondsSince(startedAt), ...usageOf(worker.pid) });
  }
  for (const command of COMMANDS) {
    const { seconds, cpuSeconds, peakMiB } = await runCommand(command, env);
    rows.push({ what: `pgstow ${command.join(' ')}`, dumps, seconds, cpuSeconds, peakMiB });
  }
  await rm(folder, { recursive: true });
  return rows;
}

async function fillBucket(s3: Bench['s3'], prefix: string, manifests: readonly Manifest[]): Promise<void> {
  const left = manifests.values();
  const put = async (): Promise<void> => {
    for (const manifest of left) {
      await s3.putObject(BUCKET, prefix + manifest.name, Buffer.from(manifest.name));
      const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
      await s3.putObject(BUCKET, prefix + manifestFileName(manifest.name), Buffer.from(text));
    }
  };
  await Promise.all(Array.from({ length: 8 }, put));
}

async function runCommand(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Pick<ManyDumpsRow, 'seconds' | 'cpuSeconds' | 'peakMiB'>> {
  const startedAt = performance.now();
  // It may find the store or a database unwell; what counts is that it has read all.
  const { stderr } = await execa('/usr/bin/time', ['-f', '%U %S %M', process.execPath, CLI, ...command], {
    env,
    extendEnv: false,
    reject: false,
    stdout: 'ignore',
  });
  const [user, system, peakKiB] = (stderr.split('\n').at(-1) ?? '').split(' ').map(Number);
  return {
    seconds: secondsSince(startedAt),
    cpuSeconds: (user ?? Number.NaN) + (system ?? Number.NaN),
    peakMiB: (peakKiB ?? Number.NaN) / 1024,
  };
}

/** Of a process with all its threads; Linux counts time in ticks of 10 ms. */
function usageOf(pid: number): Pick<ManyDumpsRow, 'cpuSeconds' | 'peakMiB'> {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100, peakMiB: Number(peak) / 1024 };
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000;
}
