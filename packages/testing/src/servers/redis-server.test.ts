import { describe, expect, it } from 'vitest';
import { hasRedis } from '../machine/capabilities.ts';
import { isAlive } from '../processes/running-processes.ts';
import { startRedis } from './redis-server.ts';

describe.skipIf(!hasRedis())('startRedis', () => {
  it('answers, never evicts, and is gone after dispose', async () => {
    let pid: number;
    {
      await using redis = await startRedis();
      pid = redis.pid;
      expect(await redis.command('PING')).toBe('+PONG');
      expect(await redis.command('CONFIG GET maxmemory-policy')).toBe('*2');
      expect(redis.url).toBe(`redis://127.0.0.1:${redis.port}`);
    }
    expect(isAlive(pid)).toBe(false);
  });

  it('keeps its port, and with appendOnly its data, over a restart and a crash', async () => {
    await using redis = await startRedis({ appendOnly: true });
    await redis.command('SET name stow');
    const { pid } = redis;
    await redis.restart();
    expect(redis.pid).not.toBe(pid);
    expect(await redis.command('EXISTS name')).toBe(':1');
    await redis.kill();
    expect(redis.isRunning).toBe(false);
    await expect(redis.command('PING')).rejects.toThrow('ECONNREFUSED');
    await redis.start();
    expect(await redis.command('EXISTS name')).toBe(':1');
    await redis.flush();
    expect(await redis.command('DBSIZE')).toBe(':0');
  });

  it('says why it could not start', async () => {
    await using redis = await startRedis();
    await expect(startRedis({ port: redis.port })).rejects.toThrow(/Address already in use/);
  });
});
