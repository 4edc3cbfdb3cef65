import { parseNotifyUrl } from '@pgstow/shared/config/values/notify-url.ts';
import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startHttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { startRedis } from '@pgstow/testing/servers/redis-server.ts';
import { describe, expect, it } from 'vitest';
import { startNotifying } from '../start-notifying.ts';
import type { Alarm } from './alarm-notification.ts';

const log = createLog('test', 'silent', String);
const stale = (database: string): Alarm => ({
  kind: 'stale',
  database,
  reason: 'its newest backup is 9 days old',
  safe: 'no backup of it.',
});
const recovery = () => ({ at: new Date(), happened: 'It was dumped.' });

describe.skipIf(!hasRedis()).concurrent('alarms that Redis does not keep', () => {
  async function setStage() {
    await using stack = new AsyncDisposableStack();
    const server = stack.use(await startRedis());
    const endpoint = stack.use(await startHttpEndpoint());
    const redis = stack.use(await connectRedis(server.url, log));
    const config = { heartbeatUrl: undefined, endpoints: parseNotifyUrl(endpoint.url) };
    /** Starts a process; it has sent everything once it is disposed of. */
    const start = () => {
      const own = new AsyncDisposableStack();
      const { alarms } = startNotifying({ config, site: 'mine', redis, log, redact: String, stack: own });
      return { alarms, [Symbol.asyncDispose]: () => own.disposeAsync() };
    };
    const events = () =>
      endpoint.requests.map(({ json }) => {
        const { event, database } = json as { event: string; database: string };
        return `${event} ${database}`;
      });
    const owned = stack.move();
    return { server, endpoint, redis, start, events, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  }
  type Stage = Awaited<ReturnType<typeof setStage>>;
  const fill = async ({ server }: Stage) => expect(await server.command('CONFIG SET maxmemory 1')).toBe('+OK');
  const empty = async ({ server }: Stage) => expect(await server.command('CONFIG SET maxmemory 0')).toBe('+OK');

  it('are sent while it is full, each once', async () => {
    await using stage = await setStage();
    await fill(stage);
    {
      await using process = stage.start();
      for (const database of ['shop', 'shop', 'stock', 'shop']) process.alarms.raise(stale(database));
      await eventually(() => stage.events().length === 2);
      process.alarms.raise(stale('shop'));
    }
    expect(stage.events().toSorted()).toEqual(['raised shop', 'raised stock']);
    expect(await stage.redis.exists('pgstow:mine:alarms')).toBe(0);
  });

  it('are kept once it can keep them, and not sent again', async () => {
    await using stage = await setStage();
    await fill(stage);
    await using process = stage.start();
    process.alarms.raise(stale('shop'));
    await eventually(() => stage.events().length === 1);
    await empty(stage);
    process.alarms.raise(stale('shop'));
    await eventually(async () => (await process.alarms.standing())[0]?.isTold === true);
    process.alarms.lift('stale', 'shop', recovery());
    await eventually(() => expect(stage.events()).toEqual(['raised shop', 'recovered shop']));
  });

  it('end when the process that sent them lifts them', async () => {
    await using stage = await setStage();
    await fill(stage);
    {
      await using process = stage.start();
      process.alarms.raise(stale('shop'));
      await eventually(() => stage.events().length === 1);
      for (let times = 0; times < 2; times += 1) process.alarms.lift('stale', 'shop', recovery());
      await eventually(() => stage.events().length === 2);
      await stage.server.stop();
      await eventually(() => stage.redis.status !== 'ready');
      process.alarms.raise(stale('shop'));
      await eventually(() => stage.events().length === 3);
      process.alarms.lift('stale', 'shop', recovery());
    }
    expect(stage.events()).toEqual(['raised shop', 'recovered shop', 'raised shop', 'recovered shop']);
  });

  it('are not sent again if they stand, and are sent again if no endpoint took them', async () => {
    await using stage = await setStage();
    {
      await using process = stage.start();
      process.alarms.raise(stale('shop'));
      await eventually(() => stage.events().length === 1);
      stage.endpoint.answer(404);
      process.alarms.raise(stale('stock'));
      await eventually(() => stage.events().length === 2);
    }
    // As if the minute were over in which no other process may send.
    const stock = JSON.parse((await stage.redis.hget('pgstow:mine:alarms', 'stale:stock')) ?? '') as object;
    await stage.redis.hset('pgstow:mine:alarms', 'stale:stock', JSON.stringify({ ...stock, tellingUntilMs: 0 }));
    await fill(stage);
    stage.endpoint.answer(200);
    {
      await using process = stage.start();
      for (let times = 0; times < 3; times += 1)
        for (const database of ['shop', 'stock']) process.alarms.raise(stale(database));
    }
    expect(stage.events()).toEqual(['raised shop', 'raised stock', 'raised stock']);
  });

  it('are sent while it is a replica, or gone', async () => {
    await using stage = await setStage();
    await using process = stage.start();
    expect(await stage.server.command('REPLICAOF 127.0.0.1 9')).toBe('+OK');
    process.alarms.raise(stale('shop'));
    await eventually(() => expect(stage.events()).toEqual(['raised shop']));
    await stage.server.stop();
    await eventually(() => stage.redis.status !== 'ready');
    for (const database of ['shop', 'stock']) process.alarms.raise(stale(database));
    await eventually(() => expect(stage.events()).toEqual(['raised shop', 'raised stock']));
  });

  it('are sent at a bounded rate', async () => {
    await using stage = await setStage();
    await fill(stage);
    {
      await using process = stage.start();
      for (let index = 0; index < 50; index += 1) process.alarms.raise(stale(`db${index}`));
    }
    expect(stage.events()).toHaveLength(20);
  });
});
