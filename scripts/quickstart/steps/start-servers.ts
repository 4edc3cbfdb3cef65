import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { startS3, type S3Server } from '@pgstow/testing/servers/s3-server.ts';
import type { Run } from '../run-to-end.ts';

export type Servers = { readonly redis: RedisServer; readonly postgres: PostgresServer; readonly s3: S3Server };

export const BUCKET = 'household-backups';
export const PREFIX = 'quickstart/';

/** Starts a private Redis, PostgreSQL and S3 server, each on a free port of 127.0.0.1. */
export async function startServers(run: Run): Promise<Servers> {
  const redis = await startServer(run, 'Redis', async () =>
    startRedis({ dir: await newFolder(run.folder, 'redis'), appendOnly: true }),
  );
  const postgres = await startServer(run, 'PostgreSQL', () => startPostgres());
  const s3 = await startServer(run, 'S3 server', async () =>
    startS3({ dir: await newFolder(run.folder, 's3'), buckets: [BUCKET] }),
  );
  return { redis, postgres, s3 };
}

async function startServer<S extends { readonly port: number; readonly pid: number } & AsyncDisposable>(
  { steps, signal, stack, processes }: Run,
  name: string,
  start: () => Promise<S>,
): Promise<S> {
  return steps.run(name, async (report) => {
    signal.throwIfAborted();
    const server = stack.use(await start());
    processes.push({ name: `the private ${name}`, pid: server.pid });
    report(`on port ${server.port}`);
    return server;
  });
}

async function newFolder(parent: string, name: string): Promise<string> {
  const path = join(parent, name);
  await mkdir(path, { mode: 0o700 });
  return path;
}
