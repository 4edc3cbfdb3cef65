import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { restoreTestFileName, restoreTestSchema } from '@pgstow/shared/contract/restore-test.ts';
import { openQueue, enqueueVerify, queuePrefix } from '@pgstow/shared/runtime/jobs/queue.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { descendants } from '@pgstow/testing/processes/running-processes.ts';
import { QueueEvents } from 'bullmq';
import { execa } from 'execa';
import { timeCommand } from './measure.ts';
import { connectQuietly, failIfEnded, startApp, type Bench } from './start-bench.ts';

const CLI = join(import.meta.dirname, '../../apps/cli/src/main.ts');
const SAMPLE_MS = 100;

/** A dump in the folder and at the store, to be restored. */
export type Restores = {
  readonly bench: Bench;
  readonly database: string;
  readonly name: BackupName;
  /** Environment of the dump worker; see `backupCycle`. */
  readonly env: Readonly<Record<string, string>>;
};

/** Restores by hand into a new database. @returns seconds */
export async function restoreByHand({ bench, env, name }: Restores): Promise<number> {
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
export async function restoreByPgstow({ bench, env, name, database }: Restores) {
  const target = await newDatabase(bench);
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  const restoring = execa(
    process.execPath,
    [CLI, 'restore', database, '--at', name, '--from', 'local', '--to', target],
    { env: { ...env, PATH: process.env['PATH'] ?? '' }, extendEnv: false, all: true },
  );
  let restored: number | undefined;
  for await (const line of restoring.iterable({ from: 'all' })) {
    if (/ restored .* of SQL in /.test(line)) restored = seconds();
  }
  if (restored === undefined) throw new Error('pgstow restore did not say when it had restored');
  return { restored, whole: seconds() };
}

/** Makes one restore test with a real verify worker. The peak memory is of worker and scratch server together. */
export async function testRestore({ bench, env, name, database }: Restores) {
  await using stack = new AsyncDisposableStack();
  const connection = stack.use(await connectQuietly(bench.redis.url));
  const queue = stack.use(openQueue('verify', database, connection));
  const events = new QueueEvents('verify', { connection, prefix: queuePrefix(database) });
  stack.defer(() => events.close());
  // Started by root, a scratch server runs as another user, who must be able to enter.
  const { path } = stack.use(await tempFolder('pgstow-bench-scratch-', unprivilegedUser()));
  const worker = stack.use(await startApp('verify-worker', { ...env, VERIFY_DIR: path }));
  let peakKiB = 0;
  const sampling = setInterval(() => {
    const pids = [worker.pid, ...descendants(worker.pid).map(({ pid }) => pid)];
    peakKiB = Math.max(
      peakKiB,
      pids.map(proportionalKiB).reduce((sum, each) => sum + each, 0),
    );
  }, SAMPLE_MS);
  stack.defer(() => clearInterval(sampling));
  const id = await enqueueVerify(queue, name, 's3', 'ad-hoc');
  const ended = failIfEnded(worker);
  ended.catch(() => undefined);
  await Promise.race([(await queue.getJob(id))?.waitUntilFinished(events), ended]);
  const record = await readFile(join(env['BACKUP_DIR'] ?? '', restoreTestFileName(name, 's3')), 'utf8');
  const { durationMs, restoreMs, result } = restoreTestSchema.parse(JSON.parse(record));
  return { seconds: durationMs / 1000, restoreSeconds: (restoreMs ?? 0) / 1000, result, peakMiB: peakKiB / 1024 };
}

let databases = 0;

async function newDatabase({ postgres }: Bench): Promise<string> {
  // Nothing needs the one before any longer.
  if (databases > 0) await postgres.dropDatabase(`restored_${databases}`);
  databases += 1;
  await postgres.createDatabase(`restored_${databases}`);
  return `restored_${databases}`;
}

/** Memory of a process, with its part of shared memory, such as a server's buffers. */
function proportionalKiB(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
  } catch {
    // It has just ended.
    return 0;
  }
}
