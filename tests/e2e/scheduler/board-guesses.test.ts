import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  BOARD_PASSWORD,
  BOARD_USER,
  basic,
  startScheduler,
  type Scheduler,
} from '../stage/processes/start-scheduler.ts';

describe.skipIf(!hasRedis())('while passwords are guessed, the board lets in', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const guess = ({ base }: Scheduler, n: number) =>
    fetch(`${base}/`, { headers: { authorization: basic(BOARD_USER, `guess ${n}`) } });

  test('no guesser of passwords, for a while', async () => {
    await using own = await startScheduler({ REDIS_URL: server.url, SITE: 'guessed' });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => guess(own, n)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401).length).toBeGreaterThanOrEqual(5);
    const late = answers.find(({ status }) => status === 429);
    expect(late?.headers.get('retry-after')).toMatch(/^\d$/);
    // Guesses from the same address do not lock out a person who knows the password.
    for (const path of ['/', '/metrics', '/queues']) expect((await own.request(path)).status).toBe(200);
    expect((await fetch(`${own.base}/livez`)).status).toBe(200);
  });

  test('a person who knows the password, while others at the same address guess, who get no new tries by it', async () => {
    await using own = await startScheduler({ REDIS_URL: server.url, SITE: 'shared' });
    let longest = 0;
    for (let round = 0; round < 100 && longest < 4; round += 1) {
      const guesses = Array.from({ length: 10 }, (_, n) => guess(own, n));
      expect((await own.request('/metrics')).status).toBe(200);
      for (const { status, headers } of await Promise.all(guesses)) {
        expect([401, 429]).toContain(status);
        longest = Math.max(longest, Number(headers.get('retry-after')));
      }
    }
    // The delay has doubled twice, despite right passwords in between.
    expect(longest).toBeGreaterThanOrEqual(4);
  });

  test('a known connection, though a flood of guesses fills the line', async () => {
    await using own = await startScheduler({ REDIS_URL: server.url, SITE: 'flooded' });
    const { promise: isFull, resolve: fill } = Promise.withResolvers<void>();
    const flooding = new AbortController();
    const flood = async (n: number) => {
      while (!flooding.signal.aborted) if ((await guess(own, n)).headers.get('retry-after') === '10') fill();
    };
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = async (password: string) => {
      const headers = { authorization: basic(BOARD_USER, password) };
      const [answer] = (await once(get(`${own.base}/metrics`, { agent, headers }), 'response')) as [IncomingMessage];
      await text(answer);
      return answer.statusCode;
    };
    expect(await ask(BOARD_PASSWORD)).toBe(200);
    const floods = Promise.allSettled(Array.from({ length: 150 }, (_, n) => flood(n)));
    await isFull;
    for (let n = 0; n < 3; n += 1) expect(await ask(BOARD_PASSWORD)).toBe(200);
    expect([401, 429]).toContain(await ask('wrong'));
    flooding.abort();
    agent.destroy();
    await own[Symbol.asyncDispose]();
    await floods;
  });
});
