import { rm } from 'node:fs/promises';
import { manifestFileName, type Manifest } from '@pgstow/shared/contract/manifest.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { execa } from 'execa';
import { formatTable } from './format-table.ts';
import { makeManyDumps } from './make-many-dumps.ts';
import { PGSTOW } from './pgstow.ts';
import { cpuSeconds, peakMiB } from './process-usage.ts';
import type { Section } from './section.ts';
import { BUCKET, startApp, type Bench } from './start-bench.ts';

const DATABASES = Array.from({ length: 50 }, (_, index) => `database_${index}`);
const TABLES = 100;
const WORKERS = ['dump-worker', 'upload-worker', 'verify-worker'] as const;
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

async function measure(bench: Bench, dumps: number): Promise<readonly ManyDumpsRow[]> {
  const { s3 } = bench;
  const site = `many-${dumps}`;
  const settings = await bench.settingsOf(site);
  const folder = settings.BACKUP_DIR;
  // Started by root, a scratch server runs as another user, who must be able to enter.
  await using scratch = await tempFolder('pgstow-bench-scratch-', unprivilegedUser());
  const prefix = `${site}/`;
  const destination = { name: 's3', bucket: BUCKET, prefix, endpoint: s3.endpoint };
  const manifests = makeManyDumps(folder, { dumps, databases: DATABASES, tables: TABLES, destination });
  await fillBucket(s3, prefix, manifests);
  const env = {
    ...settings,
    POSTGRES_DB: DATABASES.join(','),
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
    rows.push({ what: `pgstow ${command.join(' ')}`, dumps, ...(await runCommand(command, env)) });
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
  const { stderr } = await execa('/usr/bin/time', ['-f', '%U %S %M', ...PGSTOW, ...command], {
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

function usageOf(pid: number): Pick<ManyDumpsRow, 'cpuSeconds' | 'peakMiB'> {
  return { cpuSeconds: cpuSeconds(pid), peakMiB: peakMiB(pid) };
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000;
}
