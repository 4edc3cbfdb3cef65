import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { startRedis, type RedisOptions, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { startS3, type S3Server } from '@pgstow/testing/servers/s3-server.ts';
import { BUCKET } from './settings-of.ts';

export interface Servers extends AsyncDisposable {
  readonly redis: RedisServer;
  readonly postgres: PostgresServer;
  readonly s3: S3Server;
}

/** A Redis, an S3 server with an empty bucket, and a PostgreSQL with these databases, each filled by its SQL. */
export async function startServers(
  databases: Readonly<Record<string, string>>,
  redisOptions: RedisOptions = {},
): Promise<Servers> {
  await using cleanup = new AsyncDisposableStack();
  const [redis, postgres, s3] = await Promise.all([
    startRedis(redisOptions).then((server) => cleanup.use(server)),
    startPostgres().then((server) => cleanup.use(server)),
    startS3({ buckets: [BUCKET] }).then((server) => cleanup.use(server)),
  ]);
  for (const [name, sql] of Object.entries(databases)) {
    await postgres.createDatabase(name);
    await postgres.psql(name, sql);
  }
  const owned = cleanup.move();
  return { redis, postgres, s3, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
