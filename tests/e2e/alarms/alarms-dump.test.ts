import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deleteDump } from '@pgstow/catalog/folder/delete-dump.ts';
import { runIdOf } from '@pgstow/notify/heartbeat/run-id.ts';
import { restoreTestFileName } from '@pgstow/shared/contract/restore-test.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { startHttpEndpoint, type HttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { startMailServer } from '@pgstow/testing/servers/mail-server.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setDumpStage, type DumpStage } from '../stage/dump-stage.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';
import { makeDump } from '../stage/upload-stage.ts';
import { postedTo } from '../stage/witnesses/posted-to.ts';

const CANARY = 'cAnArY0123456789abcdef';

describe.skipIf(!hasRedis() || !hasPostgres()).concurrent('a dump worker', () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await startServers({ shop: '', '<b>@everyone</b>': '' });
  });
  afterAll(() => servers[Symbol.asyncDispose]());

  const stageOf = (databases = 'shop') => setDumpStage({ ...servers, databases });
  const toldTo = (endpoint: HttpEndpoint) => ({
    HEARTBEAT_URL: `${endpoint.url}/${CANARY}/{database}`,
    NOTIFY_URLS: `${endpoint.url}/notify/${CANARY}`,
  });
  const notified = (endpoint: HttpEndpoint) => postedTo(endpoint, '/notify/');
  const pings = ({ requests }: HttpEndpoint) =>
    requests.filter(({ path }) => path.startsWith(`/${CANARY}/`)).map(({ path }) => path.replace(`/${CANARY}`, ''));
  const broken = { POSTGRES_PASSWORD: 'wrong' };

  async function expectNoCanary(stage: DumpStage, ...workers: readonly BoundProcess[]): Promise<void> {
    for (const { lines } of workers) expect(lines.map(({ text }) => text).join('\n')).not.toContain(CANARY);
    for (const key of await stage.redis.keys(`pgstow:${stage.site}:*`)) {
      const fields = await stage.redis.hgetall(key).catch(() => ({}));
      expect(JSON.stringify(fields)).not.toContain(CANARY);
    }
  }

  test('pings the heartbeat when a dump begins and, without a destination, when it is recorded', async () => {
    await using endpoint = await startHttpEndpoint();
    await using stage = await stageOf();
    const worker = await stage.startWorker(toldTo(endpoint));
    const { manifest } = await stage.dump('shop');
    await eventually(() => expect(pings(endpoint)).toHaveLength(2));
    const rid = runIdOf(manifest.name);
    expect(pings(endpoint)).toEqual([`/shop/start?rid=${rid}`, `/shop?rid=${rid}`]);
    await worker.stop();
    expect(notified(endpoint)).toEqual([]);
    await expectNoCanary(stage, worker);
  });

  test('leaves the end to the upload worker if there is a destination', async () => {
    await using endpoint = await startHttpEndpoint();
    await using stage = await stageOf();
    const worker = await stage.startWorker({
      ...toldTo(endpoint),
      S3_BUCKET: 'backups',
      S3_ENDPOINT: 'http://127.0.0.1:9',
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
    });
    const { manifest } = await stage.dump('shop');
    await worker.stop();
    expect(pings(endpoint)).toEqual([`/shop/start?rid=${runIdOf(manifest.name)}`]);
  });

  test('raises one alarm for several dumps that fail for good, in words that help, and lifts it once', async () => {
    await using endpoint = await startHttpEndpoint();
    await using stage = await stageOf();
    const before = await stage.startWorker();
    const first = await stage.dump('shop');
    await before.stop();

    const failing = await stage.startWorker({ ...toldTo(endpoint), ...broken });
    const jobs = [await stage.enqueue('shop'), await stage.enqueue('shop'), await stage.enqueue('shop')];
    for (const job of jobs) await stage.failed(job);
    await failing.stop();
    expect(notified(endpoint)).toEqual([
      expect.objectContaining({
        event: 'raised',
        severity: 'error',
        kind: 'dump-failed',
        database: 'shop',
        title: 'The dump of shop failed',
        happened: expect.stringMatching(/password authentication failed/),
        safe: expect.stringMatching(`^${first.manifest.name}, taken .* ago, the only one, in the backup folder\\.$`),
        hint: expect.stringMatching(/Check POSTGRES_USER and POSTGRES_PASSWORD/),
      }),
    ]);
    expect(pings(endpoint).sort()).toEqual(jobs.map(({ id }) => `/shop/fail?rid=${runIdOf(id ?? '')}`).sort());
    expect(endpoint.requests.find(({ method, path }) => method === 'POST' && path.includes('/fail'))?.body).toMatch(
      /password authentication failed/,
    );

    const mended = await stage.startWorker(toldTo(endpoint));
    const { manifest } = await stage.dump('shop');
    await stage.dump('shop');
    await mended.stop();
    expect(notified(endpoint)).toMatchObject([
      { event: 'raised' },
      { event: 'recovered', kind: 'dump-failed', database: 'shop', name: manifest.name },
    ]);
    await expectNoCanary(stage, failing, mended);
  });

  test('notifies of the last failed attempt alone, once', async () => {
    await using endpoint = await startHttpEndpoint();
    await using stage = await stageOf();
    const worker = await stage.startWorker({ ...toldTo(endpoint), POSTGRES_PORT: '9' });
    const job = await stage.dumps.add(
      'ad-hoc',
      { target: 'shop' },
      { attempts: 2, backoff: { type: 'capped', delay: 3_600_000 } },
    );
    expect(await stage.attemptFailed(job)).toMatch(/refused/);
    expect(endpoint.requests).toEqual([]);
    await stage.retryNow(job);
    await stage.failed(job);
    await worker.stop();
    expect(notified(endpoint)).toHaveLength(1);
    expect(pings(endpoint)).toHaveLength(1);
  });

  test('raises an alarm while a dump from the future freezes pruning, and lifts it', async () => {
    await using endpoint = await startHttpEndpoint();
    await using stage = await stageOf();
    const { name } = await makeDump(stage.folder, { takenAt: new Date(Date.now() + 3 * 24 * 3_600_000) });
    const worker = await stage.startWorker(toldTo(endpoint));
    await stage.dump('shop');
    await stage.dump('shop');
    await eventually(() => expect(notified(endpoint)).toHaveLength(1));
    await deleteDump(stage.folder, name);
    await stage.dump('shop');
    await worker.stop();
    expect(notified(endpoint)).toMatchObject([
      { event: 'raised', kind: 'pruning-frozen', severity: 'warning', happened: expect.stringContaining(name) },
      { event: 'recovered', kind: 'pruning-frozen' },
    ]);
  });

  test('raises an alarm while an unreadable record of a restore test freezes pruning, and lifts it', async () => {
    await using endpoint = await startHttpEndpoint();
    await using stage = await stageOf();
    const worker = await stage.startWorker(toldTo(endpoint));
    const { manifest } = await stage.dump('shop');
    const file = restoreTestFileName(manifest.name, 's3');
    await writeFile(join(stage.folder, file), '');
    await stage.dump('shop');
    await eventually(() => expect(notified(endpoint)).toHaveLength(1));
    await rm(join(stage.folder, file));
    await stage.dump('shop');
    await worker.stop();
    expect(notified(endpoint)).toMatchObject([
      { event: 'raised', kind: 'pruning-frozen', severity: 'warning', happened: expect.stringContaining(file) },
      { event: 'recovered', kind: 'pruning-frozen' },
    ]);
  });

  test('raises nothing for what others write into the queue', async () => {
    await using endpoint = await startHttpEndpoint();
    await using stage = await stageOf();
    const worker = await stage.startWorker(toldTo(endpoint));
    for (const data of [{ target: 'postgres' }, { target: 7 }, null, { target: 'shop', path: '/x' }])
      await stage.failed(await stage.dumps.add('x', data as { target: string }));
    await worker.stop();
    expect(endpoint.requests).toEqual([]);
    expect(await stage.redis.exists(`pgstow:${stage.site}:alarms`)).toBe(0);
  });

  test('goes on despite an endpoint that hangs, and a heartbeat whose host does not exist', async () => {
    await using endpoint = await startHttpEndpoint();
    endpoint.answer('hang');
    await using stage = await stageOf();
    const hanging = await stage.startWorker(toldTo(endpoint));
    await stage.dump('shop');
    await stage.dump('shop');
    expect(await hanging.stop('SIGTERM')).toMatchObject({ code: 0 });

    const lonely = await stage.startWorker({
      HEARTBEAT_URL: `http://no-such-host.invalid/${CANARY}`,
      NOTIFY_URLS: `${endpoint.url}/notify/${CANARY}`,
      ...broken,
    });
    await stage.failed(await stage.enqueue('shop'));
    await lonely.waitForLine(/heartbeat was not taken/);
    expect(await lonely.stop('SIGTERM')).toMatchObject({ code: 0 });
    await expectNoCanary(stage, hanging, lonely);
  });

  test('notifies by mail and chat of a database with a harmful name', async () => {
    await using mail = await startMailServer({ user: 'u', password: CANARY });
    await using endpoint = await startHttpEndpoint();
    await using stage = await stageOf('<b>@everyone</b>');
    const worker = await stage.startWorker({
      HEARTBEAT_URL: `${endpoint.url}/${CANARY}/{database}`,
      NOTIFY_URLS: [
        `smtp://u:${CANARY}@${mail.host}:${mail.port}/?from=a@example.com&to=b@example.com&encryption=None`,
        `telegram+http://1:${CANARY}@${endpoint.host}?chats=5`,
        `discord+http://${endpoint.host}/discord/${CANARY}`,
      ].join(','),
      ...broken,
    });
    await stage.failed(await stage.enqueue('<b>@everyone</b>'));
    await mail.received(({ to, source }) => to[0] === 'b@example.com' && /password authentication failed/.test(source));
    const telegram = await endpoint.received(({ path }) => path.endsWith('/sendMessage'));
    expect((telegram.json as { text: string }).text).toMatch(
      /^<b>The dump of "&lt;b&gt;@\u2060everyone&lt;\/b&gt;" failed<\/b>/,
    );
    const discord = await endpoint.received(({ path }) => path.startsWith('/discord/'));
    expect(discord.body).not.toMatch(/[^\\]@everyone/);
    await endpoint.received(({ path }) => path.startsWith(`/${CANARY}/%3Cb%3E%40everyone%3C%2Fb%3E/fail?rid=`));
    await worker.stop();
    await expectNoCanary(stage, worker);
  });

  test('does not start with a NOTIFY_URLS that does not parse, and says which entry, not what it holds', async () => {
    await using stage = await stageOf();
    const worker = await stage.launchWorker({
      NOTIFY_URLS: `https://example.com/${CANARY}, slack://${CANARY}@webhook`,
      HEARTBEAT_URL: `ftp://${CANARY}/`,
    });
    expect(await worker.waitForExit()).toMatchObject({ code: 1 });
    expect(worker.tail).toMatch(/NOTIFY_URLS: entry 2 \(slack:\/\/\) expected slack:/);
    expect(worker.tail).toMatch(/HEARTBEAT_URL: expected a URL/);
    expect(worker.tail).not.toContain(CANARY);
  });

  test('warns of a heartbeat that is the same for several databases', async () => {
    await using endpoint = await startHttpEndpoint();
    await using stage = await stageOf('shop,postgres');
    const worker = await stage.startWorker({ HEARTBEAT_URL: `${endpoint.url}/${CANARY}` });
    const { text } = await worker.waitForLine(/HEARTBEAT_URL has/);
    expect(text).toMatch(/one check for 2 databases, .* put \{database\} in it/);
    await expectNoCanary(stage, worker);
  });
});
