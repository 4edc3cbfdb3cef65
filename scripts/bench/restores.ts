import { execa } from 'execa';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { QueueEvents } from 'bullmq';
import { findClients, newestClients } from '@pgstow/postgres/client-version.ts';
import { restoreDump } from '@pgstow/postgres/restore-dump.ts';
import { restoreTestFileName, restoreTestSchema } from '@pgstow/shared/contract/restore-test.ts';
import { openQueue, enqueueVerify, queuePrefix } from '@pgstow/shared/runtime/queue.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis.ts';
import { descendants } from '@pgstow/testing/running-processes.ts';
import { unprivilegedUser } from '@pgstow/testing/system-user.ts';
import { tempFolder } from '@pgstow/testing/temp-folder.ts';
import { startProcess } from '@pgstow/testing/worker-process.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';
import { timeCommand } from './measure.ts';
import type { Bench } from './start-bench.ts';

const APPS = join(import.meta.dirname, '../../apps');
const silent = { warn: () => undefined } as unknown as Log;
const SAMPLE_MS = 100;

/** A dump in the folder and at the store, to be restored in three ways. */
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

/** What the verb and a restore test do, from the first byte to the commit: seconds into a new database. */
export async function restoreAtOnce({ bench, env, name }: Restores): Promise<number> {
  const target = await newDatabase(bench);
  const { restoreMs } = await restoreDump({
    clients: newestClients(await findClients()),
    env: bench.postgres.env(target),
    path: join(env['BACKUP_DIR'] ?? '', name),
    signal: new AbortController().signal,
  });
  return restoreMs / 1000;
}

/** `pgstow restore`, from its start to its end: seconds into a new database, ANALYZE and comparison included. */
export async function restoreByPgstow({ bench, env, name, database }: Restores): Promise<number> {
  const target = await newDatabase(bench);
  const startedAt = performance.now();
  await execa(
    process.execPath,
    [join(APPS, 'cli/src/main.ts'), 'restore', database, '--at', name, '--from', 'local', '--to', target],
    { env: { ...env, PATH: process.env['PATH'] ?? '' }, extendEnv: false },
  );
  return (performance.now() - startedAt) / 1000;
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
