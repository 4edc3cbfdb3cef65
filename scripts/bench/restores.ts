import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { restoreTestFileName, restoreTestSchema } from '@pgstow/shared/contract/restore-test.ts';
import { enqueueVerify } from '@pgstow/shared/runtime/jobs/queue.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { descendants } from '@pgstow/testing/processes/running-processes.ts';
import { execa } from 'execa';
import { backupCycle } from './backup-cycle.ts';
import { timeCommand } from './measure.ts';
import { PGSTOW } from './pgstow.ts';
import { proportionalMiB } from './process-usage.ts';
import type { Section } from './section.ts';
import { connectQuietly, failIfEnded, startApp, type Bench } from './start-bench.ts';
import { Timings } from './timings.ts';
import { watchJobs } from './watch-jobs.ts';

const SAMPLE_MS = 100;

const BY_HAND = 'gunzip -c FILE \\| psql';
const RESTORED = 'pgstow restore until all is committed: start, sha256, restore';
const WHOLE = 'pgstow restore to its end: ANALYZE and comparison as well';

/** A dump in the folder and at the store, to be restored. */
type Dump = {
  readonly bench: Bench;
  readonly database: string;
  readonly name: BackupName;
  /** Environment of the dump worker; see `backupCycle`. */
  readonly env: Readonly<Record<string, string>>;
};

/** Times restores by hand and by pgstow in turn, and a restore test. */
export async function timeRestores(bench: Bench, rounds: number): Promise<Section> {
  const database = 'restores';
  await bench.postgres.createDatabase(database);
  await bench.loadSample(database, 1);
  await using cycle = await backupCycle(bench, database);
  const dump = { bench, database, env: cycle.env, name: (await cycle.run()).name };
  const timings = new Timings();
  for (let round = 0; round <= rounds; round += 1) {
    const byHand = await restoreByHand(dump);
    const { restored, whole } = await restoreByPgstow(dump);
    console.log(`restores, round ${round} of ${rounds}`);
    // The first round warms the caches.
    if (round === 0) continue;
    timings.add(BY_HAND, byHand);
    timings.add(RESTORED, restored);
    timings.add(WHOLE, whole);
  }
  const test = await testRestore(dump);
  return {
    title: 'Restores',
    blocks: [
      timings.table(BY_HAND),
      `A restore test took ${test.seconds.toFixed(1)} s, ${test.restoreSeconds.toFixed(1)} s of them for the restore, and at most ${test.peakMiB.toFixed(0)} MiB for worker and scratch server: ${test.result}.`,
    ],
    ratios: {
      'restore until committed': timings.ratio(RESTORED, BY_HAND),
      'restore to its end': timings.ratio(WHOLE, BY_HAND),
    },
  };
}

/** Restores by hand into a new database. @returns seconds */
async function restoreByHand({ bench, env, name }: Dump): Promise<number> {
  const target = await newDatabase(bench);
  const file = join(env['BACKUP_DIR'] ?? '', name);
  return timeCommand(`gunzip -c "${file}" | psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 > /dev/null`, {
    ...bench.postgres.env(target),
    PATH: process.env['PATH'] ?? '',
  });
}

/**
 * Runs `pgstow restore` into a new database. Its `restored` seconds end where a restore by hand does; the `whole` ones include
 * ANALYZE and the count of every row.
 */
async function restoreByPgstow({ bench, env, name, database }: Dump) {
  const target = await newDatabase(bench);
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  const [program, ...words] = PGSTOW;
  const restoring = execa(program, [...words, 'restore', database, '--at', name, '--from', 'local', '--to', target], {
    env: { ...env, PATH: process.env['PATH'] ?? '' },
    extendEnv: false,
    all: true,
  });
  let restored: number | undefined;
  for await (const line of restoring.iterable({ from: 'all' })) {
    if (/ restored .* of SQL in /.test(line)) restored = seconds();
  }
  if (restored === undefined) throw new Error('pgstow restore did not say when it had restored');
  return { restored, whole: seconds() };
}

/** Makes one restore test with a real verify worker. The peak memory is of worker and scratch server together. */
async function testRestore({ bench, env, name, database }: Dump) {
  await using stack = new AsyncDisposableStack();
  const connection = stack.use(await connectQuietly(bench.redis.url));
  const tests = stack.use(watchJobs('verify', database, connection));
  // Started by root, a scratch server runs as another user, who must be able to enter.
  const { path } = stack.use(await tempFolder('pgstow-bench-scratch-', unprivilegedUser()));
  const worker = stack.use(await startApp('verify-worker', { ...env, VERIFY_DIR: path }));
  let peak = 0;
  const sampling = setInterval(() => {
    const pids = [worker.pid, ...descendants(worker.pid).map(({ pid }) => pid)];
    peak = Math.max(
      peak,
      pids.map(proportionalOrNone).reduce((sum, each) => sum + each, 0),
    );
  }, SAMPLE_MS);
  stack.defer(() => clearInterval(sampling));
  const id = await enqueueVerify(tests.queue, name, 's3', 'ad-hoc');
  const ended = failIfEnded(worker);
  ended.catch(() => undefined);
  await tests.ended(id, ended);
  const record = await readFile(join(env['BACKUP_DIR'] ?? '', restoreTestFileName(name, 's3')), 'utf8');
  const { durationMs, restoreMs, result } = restoreTestSchema.parse(JSON.parse(record));
  return { seconds: durationMs / 1000, restoreSeconds: (restoreMs ?? 0) / 1000, result, peakMiB: peak };
}

let databases = 0;

async function newDatabase({ postgres }: Bench): Promise<string> {
  // Nothing needs the one before any longer.
  if (databases > 0) await postgres.dropDatabase(`restored_${databases}`);
  databases += 1;
  await postgres.createDatabase(`restored_${databases}`);
  return `restored_${databases}`;
}

function proportionalOrNone(pid: number): number {
  try {
    return proportionalMiB(pid);
  } catch {
    // It has just ended.
    return 0;
  }
}
