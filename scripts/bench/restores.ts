import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { restoreTestFileName, restoreTestSchema } from '@pgstow/shared/contract/restore-test.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';
import { openQueue, enqueueVerify, queuePrefix } from '@pgstow/shared/runtime/queue.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis.ts';
import { descendants } from '@pgstow/testing/running-processes.ts';
import { unprivilegedUser } from '@pgstow/testing/system-user.ts';
import { tempFolder } from '@pgstow/testing/temp-folder.ts';
import { startProcess } from '@pgstow/testing/worker-process.ts';
import { QueueEvents } from 'bullmq';
import { execa } from 'execa';
import { timeCommand } from './measure.ts';
import type { Bench } from './start-bench.ts';

const APPS = join(import.meta.dirname, '../../apps');
const silent = { warn: () => undefined } as unknown as Log;
const SAMPLE_MS = 100;

/** A dump in the folder and at the store, to be restored. */
export type Restores = {
  readonly bench: Bench;
  readonly database: string;
  readonly name: BackupName;
  /** As of the dump worker; see `backupCycle`. */
  readonly env: Readonly<Record<string, string>>;
};

/** What people do by hand: seconds into a new database. */
export async function restoreByHand({ bench, env, name }: Restores): Promise<number> {
  const target = await newDatabase(bench);
  const file = join(env['BACKUP_DIR'] ?? '', name);
  return timeCommand(`gunzip -c "${file}" | psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 > /dev/null`, {
    ...bench.postgres.env(target),
    PATH: process.env['PATH'] ?? '',
  });
}

/**
 * `pgstow restore`, from its start, into a new database: seconds until it is restored, which is all that restoring by hand does,
 * and until its end, with ANALYZE and every row counted.
 */
export async function restoreByPgstow({ bench, env, name, database }: Restores) {
  const target = await newDatabase(bench);
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  const restoring = execa(
    process.execPath,
    [join(APPS, 'cli/src/main.ts'), 'restore', database, '--at', name, '--from', 'local', '--to', target],
    { env: { ...env, PATH: process.env['PATH'] ?? '' }, extendEnv: false, all: true },
  );
  let restored: number | undefined;
  for await (const line of restoring.iterable({ from: 'all' })) {
    if (/ restored .* of SQL in /.test(line)) restored = seconds();
  }
  if (restored === undefined) throw new Error('pgstow restore did not say when it had restored');
  return { restored, whole: seconds() };
}

/** One restore test by a real verify worker: its seconds, and the most memory that worker and scratch server took. */
export async function testRestore({ bench, env, name, database }: Restores) {
  await using stack = new AsyncDisposableStack();
  const connection = stack.use(await connectRedis(bench.redis.url, silent));
  const queue = stack.use(openQueue('verify', database, connection));
  const events = new QueueEvents('verify', { connection, prefix: queuePrefix(database) });
  stack.defer(() => events.close());
  // Run by root, a scratch server belongs to another user, who has to get there.
  const { path } = stack.use(await tempFolder('pgstow-bench-scratch-', unprivilegedUser()));
  const worker = stack.use(
    await startProcess({ script: join(APPS, 'verify-worker/src/main.ts'), env: { ...env, VERIFY_DIR: path } }),
  );
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
  const ended = worker.exited.then(() => Promise.reject(new Error(`the verify worker ended:\n${worker.tail}`)));
  ended.catch(() => undefined);
  await Promise.race([(await queue.getJob(id))?.waitUntilFinished(events), ended]);
  const record = await readFile(join(env['BACKUP_DIR'] ?? '', restoreTestFileName(name, 's3')), 'utf8');
  const { durationMs, restoreMs, result } = restoreTestSchema.parse(JSON.parse(record));
  return { seconds: durationMs / 1000, restoreSeconds: (restoreMs ?? 0) / 1000, result, peakMiB: peakKiB / 1024 };
}

let databases = 0;

async function newDatabase({ postgres }: Bench): Promise<string> {
  // The one before has been looked at.
  if (databases > 0) await postgres.dropDatabase(`restored_${databases}`);
  databases += 1;
  await postgres.createDatabase(`restored_${databases}`);
  return `restored_${databases}`;
}

/** What a process has in memory, its part of what it shares with others, such as a server's buffers. */
function proportionalKiB(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
  } catch {
    // It has just ended.
    return 0;
  }
}
