import { setTimeout as delay } from 'node:timers/promises';
import { openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { formatTable } from './format-table.ts';
import { peakMiB, proportionalMiB, residentMiB } from './process-usage.ts';
import type { Section } from './section.ts';
import { connectQuietly, failIfEnded, startApp, type Bench } from './start-bench.ts';

const APPS = ['scheduler', 'dump-worker', 'upload-worker', 'verify-worker'] as const;
const DATABASES = ['idle_1', 'idle_2', 'idle_3'];
/** Time within which a process gives back what it does not need: see give-memory-back.ts. */
const REST_MS = 40_000;

/** Measures the four processes of a stack at rest, after their first cycle of three small databases. */
export async function measureIdleStack(bench: Bench): Promise<Section> {
  for (const database of DATABASES) {
    await bench.postgres.createDatabase(database);
    await bench.postgres.psql(
      database,
      'create table item (id int primary key, name text); insert into item select i, repeat(md5(i::text), 4) from generate_series(1, 10000) i',
    );
  }
  // The first start fills Node's compile cache, which an image brings with it.
  await runCycle(bench, 'idle-first');
  const measured = await runCycle(bench, 'idle');
  const sum = (read: (of: Memory) => number): number => measured.reduce((total, each) => total + read(each), 0);
  const all = { app: 'all', residentMiB: sum((of) => of.residentMiB), sharedOnceMiB: sum((of) => of.sharedOnceMiB) };
  const row = (of: Omit<Memory, 'peakMiB'> & Partial<Memory>): string[] => [
    of.app,
    of.residentMiB.toFixed(0),
    of.sharedOnceMiB.toFixed(0),
    of.peakMiB?.toFixed(0) ?? '',
  ];
  return {
    title: 'The idle stack',
    blocks: [
      `${REST_MS / 1000} seconds after dump, upload and restore test of ${DATABASES.length} small databases, in MiB. The second column divides what several processes share, such as Node's own program, among them.`,
      formatTable([['', 'resident', 'shared once', 'peak'], ...measured.map(row), row(all)]),
    ],
    ratios: { 'memory of the idle stack, of 340 MiB': all.residentMiB / 340 },
  };
}

type Memory = {
  readonly app: string;
  readonly residentMiB: number;
  readonly sharedOnceMiB: number;
  readonly peakMiB: number;
};

async function runCycle(bench: Bench, site: string): Promise<readonly Memory[]> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await tempFolder('pgstow-bench-scratch-', unprivilegedUser()));
  const env = {
    ...(await bench.settingsOf(site)),
    POSTGRES_DB: DATABASES.join(','),
    BOARD_PORT: '0',
    BOARD_PASSWORD: 'bench-password',
    VERIFY_DIR: path,
  };
  const connection = stack.use(await connectQuietly(bench.redis.url));
  const tests = stack.use(openQueue('verify', site, connection));
  const started: { readonly app: string; readonly running: BoundProcess }[] = [];
  for (const app of APPS) started.push({ app, running: stack.use(await startApp(app, env)) });
  const ended = failIfEnded(...started.map(({ running }) => running));
  ended.catch(() => undefined);
  await Promise.race([eventually(async () => (await tests.getCompletedCount()) === DATABASES.length), ended]);
  await delay(REST_MS);
  return started.map(({ app, running: { pid } }) => ({
    app,
    residentMiB: residentMiB(pid),
    sharedOnceMiB: proportionalMiB(pid),
    peakMiB: peakMiB(pid),
  }));
}
