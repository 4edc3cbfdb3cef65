import { parseNotifyUrl } from '@pgstow/shared/config/values/notify-url.ts';
import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { createRedact } from '@pgstow/shared/runtime/log/redact.ts';
import { connectRedis, type RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startHttpEndpoint, type HttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNotifying, type Notifying } from '../start-notifying.ts';
import type { Alarm } from './alarm-notification.ts';
import { liftAcceptedTest, updateRestoreTestAlarms } from './restore-test-alarm.ts';

const redact = createRedact(['geheim']);
const log = createLog('test', 'silent', redact);
const stale = (database: string, since?: Date): Alarm => ({
  kind: 'stale',
  database,
  reason: 'its newest backup is 9 days old: geheim',
  safe: 'no backup of it.',
  ...(since === undefined ? {} : { since }),
});

describe.skipIf(!hasRedis()).concurrent('alarms', () => {
  let server: RedisServer;
  let sites = 0;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  type Process = Notifying & AsyncDisposable & { readonly redis: RedisConnection };

  /** A site, an endpoint, and processes that send to it. */
  async function newSite(url = server.url) {
    const site = `site-${(sites += 1)}`;
    const stack = new AsyncDisposableStack();
    const endpoint = stack.use(await startHttpEndpoint());
    const events = (of: HttpEndpoint = endpoint) =>
      of.requests.map(({ json }) => {
        const { event, kind, database } = json as { event: string; kind: string; database: string };
        return `${event} ${kind} ${database}`;
      });
    const start = async (urls: readonly string[] = [endpoint.url]): Promise<Process> => {
      const own = new AsyncDisposableStack();
      const redis = own.use(await connectRedis(url, log));
      const config = { heartbeatUrl: undefined, endpoints: urls.flatMap(parseNotifyUrl) };
      const notifying = startNotifying({ config, site, redis, log, redact, stack: own });
      return { ...notifying, redis, [Symbol.asyncDispose]: () => own.disposeAsync() };
    };
    return { name: site, endpoint, events, start, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  }

  it('about a destination stand each by itself, and that of the bucket as it did when it was the only one', async () => {
    await using site = await newSite();
    const failed = (destination: string): Alarm => ({
      kind: 'upload-failed',
      database: 'shop',
      destination,
      reason: 'it is away',
      safe: 'no backup of it.',
    });
    await using process = await site.start();
    for (const destination of ['s3', 'copy']) process.alarms.raise(failed(destination));
    await eventually(() => expect(site.endpoint.requests).toHaveLength(2));
    const fields = (await process.redis.hkeys(`pgstow:${site.name}:alarms`)).sort();
    expect(fields).toEqual(['upload-failed/copy:shop', 'upload-failed:shop']);
    const titles = site.endpoint.requests.map(({ json }) => (json as { title: string }).title).sort();
    expect(titles).toEqual(['The upload of a dump of shop at copy failed', 'The upload of a dump of shop failed']);
    process.alarms.lift('upload-failed', 'shop', {
      at: new Date(Date.now() + 1),
      happened: 'it is there.',
      destination: 's3',
    });
    await eventually(async () => {
      expect((await process.alarms.standing()).map(({ destination }) => destination)).toEqual(['copy']);
    });
  });

  it('are raised once and lifted once, however many processes see the same', async () => {
    await using site = await newSite();
    // Each has sent everything once it is disposed of.
    const inFour = (act: (process: Process) => void) =>
      Promise.all(
        [1, 2, 3, 4].map(async () => {
          await using process = await site.start();
          act(process);
        }),
      );
    for (let round = 0; round < 2; round += 1)
      await inFour(({ alarms }) => {
        for (const database of ['shop', 'shop', 'stock']) alarms.raise(stale(database));
      });
    expect(site.events().sort()).toEqual(['raised stale shop', 'raised stale stock']);
    await inFour(({ alarms }) => alarms.lift('stale', 'shop', { at: new Date(), happened: 'It was dumped.' }));
    expect(site.events().sort()).toEqual(['raised stale shop', 'raised stale stock', 'recovered stale shop']);
    expect(site.endpoint.requests[0]?.json).toMatchObject({ happened: 'its newest backup is 9 days old: [redacted]' });
  });

  it('stand while their process is gone, and are not raised anew', async () => {
    await using site = await newSite();
    {
      await using first = await site.start();
      first.alarms.raise(stale('shop'));
    }
    {
      await using second = await site.start();
      second.alarms.raise(stale('shop'));
      expect(await second.alarms.standing()).toMatchObject([{ kind: 'stale', database: 'shop', isTold: true }]);
      second.alarms.lift('stale', 'shop', { at: new Date(), happened: 'It was dumped.' });
    }
    await using third = await site.start();
    expect(await third.alarms.standing()).toEqual([]);
    third.alarms.raise(stale('shop'));
    await eventually(() =>
      expect(site.events()).toEqual(['raised stale shop', 'recovered stale shop', 'raised stale shop']),
    );
  });

  it('end by an event that is newer than the fault, and by no older one', async () => {
    await using site = await newSite();
    const at = (minute: number) => new Date(Date.UTC(2026, 10, 26, 3, minute));
    const lift = async (minute: number) => {
      await using process = await site.start();
      process.alarms.lift('stale', 'shop', { at: at(minute), happened: 'It was dumped.' });
    };
    {
      await using process = await site.start();
      process.alarms.raise(stale('shop', at(10)));
      await eventually(() => expect(site.events()).toHaveLength(1));
      process.alarms.raise(stale('shop', at(20)));
      process.alarms.raise(stale('shop', at(5)));
    }
    await lift(9);
    await lift(19);
    expect(site.events()).toEqual(['raised stale shop']);
    await lift(20);
    expect(site.events()).toEqual(['raised stale shop', 'recovered stale shop']);
  });

  it('that no endpoint took are sent once one takes them; those that none took end in silence', async () => {
    await using site = await newSite();
    await using dead = await startHttpEndpoint();
    dead.answer(404);
    {
      await using process = await site.start([dead.url]);
      for (const database of ['shop', 'stock']) process.alarms.raise(stale(database));
      await eventually(() => expect(dead.requests).toHaveLength(2));
      await eventually(async () => (await process.alarms.standing()).length === 2);
      // As if the minute were over in which no other process may send.
      for (const record of await process.alarms.standing())
        await process.redis.hset(
          `pgstow:${record.notification.site}:alarms`,
          `stale:${record.database}`,
          JSON.stringify({ ...record, tellingUntilMs: 0 }),
        );
      process.alarms.lift('stale', 'stock', { at: new Date(), happened: 'It was dumped.' });
    }
    expect(dead.requests).toHaveLength(2);
    await using both = await site.start([dead.url, site.endpoint.url]);
    await eventually(() => expect(site.events()).toEqual(['raised stale shop']));
    await eventually(async () => (await both.alarms.standing())[0]?.isTold === true);
    both.alarms.raise(stale('shop'));
    both.alarms.lift('stale', 'shop', { at: new Date(), happened: 'It was dumped.' });
    await eventually(() => expect(site.events()).toEqual(['raised stale shop', 'recovered stale shop']));
  });

  it('with an endpoint that hangs and Redis away let the process end', async () => {
    await using own = await startRedis();
    await using site = await newSite(own.url);
    site.endpoint.answer('hang');
    const process = await site.start();
    process.alarms.raise(stale('shop'));
    await site.endpoint.received(() => true);
    await own[Symbol.asyncDispose]();
    await eventually(() => process.redis.status !== 'ready');
    process.alarms.raise(stale('stock'));
    await expect(process[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });

  it('of restore tests are raised by a bad one, and lifted by a good one that is no older', async () => {
    await using site = await newSite();
    const of = (minute: number, result: RestoreTest['result']): RestoreTest => ({
      version: 1,
      name: formatBackupName('shop', new Date(Date.UTC(2026, 10, 26, 3, minute))),
      destination: 's3',
      sha256: 'a'.repeat(64),
      result,
      ...(result === 'bad' ? { reason: 'it differs' } : {}),
      differences: result === 'bad' ? ['public.users has 3 rows, not 4', 'x'] : [],
      differenceCount: result === 'bad' ? 2 : 0,
      notes: [],
      testedAt: new Date().toISOString(),
      durationMs: 1,
    });
    for (const test of [
      of(1, 'good'),
      of(5, 'bad'),
      of(6, 'could-not-tell'),
      of(5, 'bad'),
      of(4, 'good'),
      of(7, 'good'),
    ]) {
      await using process = await site.start();
      updateRestoreTestAlarms(process.alarms, test, 'no backup of it.');
    }
    expect(site.events()).toEqual(['raised restore-test-bad shop', 'recovered restore-test-bad shop']);
    expect(site.endpoint.requests.map(({ json }) => json)).toMatchObject([
      {
        severity: 'critical',
        name: of(5, 'bad').name,
        happened: expect.stringMatching(/it differs \(public\.users has 3 rows, not 4, and 1 more\), as it lies at s3/),
      },
      { severity: 'info', name: of(7, 'good').name },
    ]);
  });

  it('of a bad restore test are lifted by a person who accepts what it found, not by any other good one of that dump', async () => {
    await using site = await newSite();
    const name = formatBackupName('shop', new Date('2026-11-26T03:00:00Z'));
    const good = { name, result: 'good' } as const;
    for (const act of [
      ({ alarms }: Process) => alarms.raise({ ...stale('shop'), kind: 'restore-test-bad', since: new Date(0) }),
      ({ alarms }: Process) => liftAcceptedTest(alarms, good),
      ({ alarms }: Process) => liftAcceptedTest(alarms, { ...good, acceptedAt: '2026-11-27T00:00:00.000Z' }),
    ]) {
      await using process = await site.start();
      act(process);
      await process.alarms.standing();
    }
    expect(site.events()).toEqual(['raised restore-test-bad shop', 'recovered restore-test-bad shop']);
    expect(site.endpoint.requests[1]?.json).toMatchObject({
      happened: `${name} restores, and what differs from its manifest was accepted.`,
    });
  });
});
