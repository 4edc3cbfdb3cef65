import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { connectRedis, type RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { startRedis, type RedisOptions, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';

export const log = createLog('test', 'fatal', String);

export interface ConnectedRedis extends AsyncDisposable {
  readonly server: RedisServer;
  readonly redis: RedisConnection;
}

/** A Redis, and a connection to it. */
export async function startConnectedRedis(options: RedisOptions = {}): Promise<ConnectedRedis> {
  await using cleanup = new AsyncDisposableStack();
  const server = cleanup.use(await startRedis(options));
  const redis = cleanup.use(await connectRedis(server.url, log));
  const owned = cleanup.move();
  return { server, redis, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
