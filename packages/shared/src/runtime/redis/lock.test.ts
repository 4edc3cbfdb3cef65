import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { startFaultProxy } from '@pgstow/testing/servers/fault-proxy.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BusyError, RetryableError } from '../errors.ts';
import { createLog } from '../log/log.ts';
import { dumpLockKey, LOCK_TTL_MS, uploadLockKey, withLock } from './lock.ts';
import { connectRedis, type RedisConnection } from './redis.ts';

const never = new AbortController().signal;
const log = createLog('test', 'fatal', String);

// Each waits for a clock of its own, so they wait together.
describe.skipIf(!hasRedis()).concurrent('a lock', () => {
  let server: RedisServer;
  let redis: RedisConnection;
  let other: RedisConnection;

  beforeAll(async () => {
    server = await startRedis();
    redis = await connectRedis(server.url, log);
    other = await connectRedis(server.url, log);
  });
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it('lets one in and tells the other when to come back', async () => {
    await withLock(redis, 'one', never, async () => {
      const refused = await withLock(other, 'one', never, async () => undefined).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(BusyError);
      expect((refused as BusyError).retryInMs).toBeGreaterThanOrEqual(1000);
      expect((refused as BusyError).retryInMs).toBeLessThanOrEqual(5000);
      expect(await withLock(other, 'another', never, async () => 'in')).toBe('in');
    });
    expect(await withLock(other, 'one', never, async () => 'in')).toBe('in');
  });

  it('of many at once lets exactly one in', async () => {
    let inside = 0;
    let most = 0;
    const enter = (connection: RedisConnection) =>
      withLock(connection, 'many', never, async () => {
        most = Math.max(most, (inside += 1));
        await delay(20);
        inside -= 1;
        return true;
      }).catch((error: unknown) => !(error instanceof BusyError));
    const entered = await Promise.all(Array.from({ length: 50 }, (_, i) => enter(i % 2 === 0 ? redis : other)));
    expect(entered.filter(Boolean)).toHaveLength(1);
    expect(most).toBe(1);
  });

  it('is given back when the work fails', async () => {
    const failing = withLock(redis, 'failing', never, () => Promise.reject(new Error('work failed')));
    await expect(failing).rejects.toThrow('work failed');
    expect(await other.exists('failing')).toBe(0);
  });

  it('passes on the signal of its caller', async () => {
    const caller = new AbortController();
    const aborted = withLock(redis, 'caller', caller.signal, async (signal) => {
      caller.abort('shutdown');
      return signal.reason as unknown;
    });
    expect(await aborted).toBe('shutdown');
  });

  it('is held for longer than its time to live while the work goes on', async () => {
    await withLock(redis, 'long', never, async (signal) => {
      for (let renewals = 1; renewals <= 2; renewals += 1) {
        // As if all but the last third of its time had gone by.
        expect(await other.pexpire('long', LOCK_TTL_MS / 3)).toBe(1);
        await eventually(async () => (await other.pttl('long')) > LOCK_TTL_MS / 3);
      }
      expect(signal.aborted).toBe(false);
    });
    expect(await other.exists('long')).toBe(0);
  });

  it('that was lost aborts the work, and is not taken from whoever has it now', async () => {
    await withLock(redis, 'lost', never, async (signal) => {
      await other.set('lost', 'somebody else', 'PX', 60_000);
      await eventually(() => signal.aborted);
      expect(signal.reason).toBeInstanceOf(RetryableError);
      expect((signal.reason as Error).message).toBe('the lock lost was lost');
    });
    expect(await other.get('lost')).toBe('somebody else');
  });

  it('of a holder that was killed is free after its time to live at the latest', async () => {
    await using folder = await tempFolder();
    const script = join(folder.path, 'holder.ts');
    await writeFile(
      script,
      `import { withLock } from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))};
       import { connectRedis } from ${JSON.stringify(join(import.meta.dirname, 'redis.ts'))};
       import { createLog } from ${JSON.stringify(join(import.meta.dirname, '../log/log.ts'))};
       const redis = await connectRedis(${JSON.stringify(server.url)}, createLog('holder', 'fatal', String));
       await withLock(redis, 'killed', new AbortController().signal, () => {
         console.log('held');
         return new Promise(() => setInterval(() => {}, 1000));
       });`,
    );
    await using holder = await startProcess({ script });
    await holder.waitForLine(/held/);
    await holder.kill();
    await expect(withLock(redis, 'killed', never, async () => undefined)).rejects.toThrow(BusyError);
    const leftMs = await redis.pttl('killed');
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(LOCK_TTL_MS);
    await redis.pexpire('killed', 1);
    await eventually(async () => (await redis.exists('killed')) === 0);
    expect(await withLock(redis, 'killed', never, async () => 'in')).toBe('in');
  });

  it('without Redis aborts the work before anybody else could have the lock', async () => {
    await using proxy = await startFaultProxy({ targetPort: server.port, protocol: 'tcp' });
    const connection = await connectRedis(`redis://127.0.0.1:${proxy.port}`, log);
    try {
      await withLock(connection, 'away', never, async (signal) => {
        const aborted = once(signal, 'abort');
        await proxy.refuse();
        await aborted;
        // Redis, which is there for others, holds it still.
        expect(await other.exists('away')).toBe(1);
      });
    } finally {
      await connection[Symbol.asyncDispose]();
    }
  });
});

it('keys tell sites, targets and destinations apart', () => {
  const keys = [dumpLockKey('a', 'x'), dumpLockKey('b', 'x'), dumpLockKey('a', 'y'), uploadLockKey('a', 'x', 's3')];
  expect(new Set(keys).size).toBe(4);
});
