import { Alarms } from '@pgstow/notify/alarms/alarms.ts';
import { Background } from '@pgstow/notify/background.ts';
import { openQueue, queuePrefix, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { UnrecoverableError, Worker } from 'bullmq';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { log, startConnectedRedis } from '../stage/processes/start-connected-redis.ts';
import {
  basic,
  BOARD_PASSWORD,
  BOARD_USER,
  POSTGRES_PASSWORD,
  startScheduler,
  type Scheduler,
} from '../stage/processes/start-scheduler.ts';
import { hoursAgo, publish, publishedCatalog, PUBLISHED_BUCKET, type DumpFacts } from '../stage/publish-catalog.ts';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const ODD = `<img src=x onerror=alert(1)>"'&`;

describe.skipIf(!hasRedis())('the status page', () => {
  const cleanup = new AsyncDisposableStack();
  let server: RedisServer;
  let redis: RedisConnection;
  let sites = 0;

  beforeAll(async () => {
    ({ server, redis } = cleanup.use(await startConnectedRedis()));
  });
  afterAll(() => cleanup.disposeAsync());

  async function start(databases: string, env: Readonly<Record<string, string>> = {}) {
    const site = `page-${(sites += 1)}`;
    const scheduler = await startScheduler({
      REDIS_URL: server.url,
      SITE: site,
      POSTGRES_DB: databases,
      S3_BUCKET: PUBLISHED_BUCKET,
      BACKUP_INTERVAL: '86400',
      ...env,
    });
    return { site, scheduler };
  }
  const pageOf = async (scheduler: Scheduler, path = '/') => {
    const answer = await scheduler.request(path);
    return {
      status: answer.status,
      headers: answer.headers,
      text: (await answer.text()).replaceAll(/\s+/g, ' ').replaceAll(/> | </g, (match) => match.trim()),
    };
  };
  const tokenIn = (text: string): string => /name="token" value="([^"]+)"/.exec(text)?.[1] ?? '';
  const post = (scheduler: Scheduler, path: string, form: Readonly<Record<string, string>>, headers = {}) =>
    scheduler.request(path, {
      method: 'POST',
      headers: { ...FORM, ...headers },
      body: new URLSearchParams(form).toString(),
    });
  async function failDumps(
    site: string,
    dumps: OpenQueue<'dump'>,
    count: number,
    reason = 'server "db" is away',
  ): Promise<void> {
    const worker = new Worker(
      'dump',
      async () => {
        throw new UnrecoverableError(`${reason}\nhint: Start PostgreSQL.`);
      },
      { connection: { url: server.url, maxRetriesPerRequest: null }, prefix: queuePrefix(site) },
    );
    await eventually(async () => (await dumps.getFailedCount()) === count);
    await worker.close();
  }
  const days = (count: number, facts: Omit<DumpFacts, 'takenAt'> = {}): readonly DumpFacts[] =>
    Array.from({ length: count }, (_, index) => ({ takenAt: hoursAgo(1 + 24 * index), ...facts }));

  test('says of each database whether it is protected, and why not', async () => {
    const { site, scheduler } = await start('shop,orders');
    await using _scheduler = scheduler;
    await publish(
      redis,
      site,
      publishedCatalog({
        shop: days(5, { test: 'good' }),
        orders: [{ takenAt: hoursAgo(100), test: 'bad' }],
        gone: days(2),
      }),
    );
    const { status, text, headers } = await pageOf(scheduler);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(text).not.toMatch(/<script|javascript:|\son\w+=/i);
    expect(text).toContain('1 of your 2 databases is not protected');
    expect(text).toContain('Its newest backup at s3 is 4d 4h old, and one every 1d is wanted');
    expect(text).toContain('public.orders has 1 row, not 2');
    expect(text.match(/<svg class="timeline"/g)).toHaveLength(2);
    expect(text).toContain('5 backups from');
    expect(text).toContain('Also in the folder, and not configured any more: gone (2)');
    expect(text.indexOf('>shop<')).toBeGreaterThan(0);
  });

  test('describes a database that never had a backup, and a folder that is not published', async () => {
    const { site, scheduler } = await start('shop');
    await using _scheduler = scheduler;
    expect((await pageOf(scheduler)).text).toContain('No worker has published the backup folder yet');
    await publish(redis, site, publishedCatalog({}));
    const { text } = await pageOf(scheduler);
    expect(text).toContain('A first backup is on its way');
    expect(text).toContain('Its first dump is due');
    expect(text).not.toContain('Test restore now');
  });

  test('shows 50 databases and 10,000 backups in one short answer, with a link to each database', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `db${String(index).padStart(2, '0')}`);
    const { site, scheduler } = await start(names.join(','));
    await using _scheduler = scheduler;
    await publish(
      redis,
      site,
      publishedCatalog(Object.fromEntries(names.map((name) => [name, days(200, { test: 'good' })]))),
    );
    const { status, text } = await pageOf(scheduler);
    expect(status).toBe(200);
    expect(text).toContain('All 50 databases are protected');
    expect(text).not.toContain('<svg');
    for (const name of names) expect(text).toContain(`<a href="./?database=${name}">${name}</a>`);
    expect(text).toContain('<td class="number">10,000</td>');
    expect(text.length).toBeLessThan(50_000);

    const one = await pageOf(scheduler, '/?database=db07');
    expect(one.text.match(/<svg class="timeline"/g)).toHaveLength(1);
    expect(one.text.match(/<tr>/g)).toHaveLength(1 + 50);
    expect(one.text).toContain('200 are in the folder: pgstow list db07 shows all.');
    const token = tokenIn(one.text);
    const posted = await post(scheduler, '/dump', { token, database: 'db07', view: 'database' });
    expect(posted.headers.get('location')).toMatch(/^\.\/\?said=dump(?:-due)?&of=db07&job=[^&]+&database=db07$/);
  });

  test('shows a thousand databases in pages, the gravest first, and no more of what went wrong than a person reads', async () => {
    const names = Array.from({ length: 1000 }, (_, index) => `db${String(index).padStart(3, '0')}`);
    const { site, scheduler } = await start(names.join(','));
    await using _scheduler = scheduler;
    const isIll = (name: string) => name >= 'db500';
    await publish(
      redis,
      site,
      publishedCatalog(Object.fromEntries(names.map((name) => [name, [{ takenAt: hoursAgo(isIll(name) ? 100 : 1) }]]))),
    );
    const seen = new Set<string>();
    let next: string | undefined = '/';
    for (; next !== undefined;) {
      const { text } = await pageOf(scheduler, next);
      expect(text.length).toBeLessThan(100_000);
      expect(text).toContain('500 of your 1000 databases are not protected');
      expect(text.match(/<svg class="timeline"/g) ?? []).toHaveLength(next === '/' ? 3 : 0);
      for (const [, name] of text.matchAll(/\?database=(db\d+)"/g)) seen.add(name ?? '');
      next = /"\.(\/\?from=\d+)">and \d+ more</.exec(text)?.[1];
    }
    expect([...seen]).toEqual([...names.slice(500), ...names.slice(0, 500)]);
    expect((await pageOf(scheduler, '/?from=100')).text).toContain('<a href="./">those before</a>');
    for (const wrong of ['/?from=-1', '/?from=1e9', '/?database=gone'])
      expect((await pageOf(scheduler, wrong)).text).toContain('<svg class="timeline"');
  });

  test('takes HTML in a name, a reason or a link for text', async () => {
    const { site, scheduler } = await start(ODD.replaceAll('"', '""').replace(/^.*$/, '"$&"'));
    await using _scheduler = scheduler;
    await publish(redis, site, publishedCatalog({ [ODD]: days(2) }));
    await using queue = openQueue('upload', site, redis);
    await queue.add('x', { name: '<script>alert(2)</script>' } as never, { jobId: '"><script>alert(3)</script>' });
    const worker = new Worker(
      'upload',
      async () => {
        throw new UnrecoverableError('<script>alert(4)</script>\nhint: <script>alert(5)</script>');
      },
      { connection: { url: server.url, maxRetriesPerRequest: null }, prefix: queuePrefix(site) },
    );
    await eventually(async () => (await queue.getFailedCount()) === 1);
    await worker.close();
    const { text } = await pageOf(
      scheduler,
      `/?said=dump&of=${encodeURIComponent(ODD)}&job=${encodeURIComponent('"><script>')}`,
    );
    expect(text).toContain('A dump of &lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp; is requested.');
    expect(text).toContain('&lt;script&gt;alert(4)');
    expect(text).not.toMatch(/<script|<img/);
    expect((await pageOf(scheduler, '/?said=dump&of=%3Cscript%3E')).text).not.toContain('is requested');
    expect((await pageOf(scheduler, '/?said=__proto__')).status).toBe(200);
  });

  test('a button requests a dump or a restore test, once, and says so', async () => {
    const { site, scheduler } = await start('shop');
    await using _scheduler = scheduler;
    await using dumps = openQueue('dump', site, redis);
    await using tests = openQueue('verify', site, redis);
    await publish(redis, site, publishedCatalog({ shop: days(2) }));
    const token = tokenIn((await pageOf(scheduler)).text);
    // The first dump already waits: there must be no second one.
    const due = await post(scheduler, '/dump', { token, database: 'shop' });
    expect([due.status, due.headers.get('location')]).toEqual([
      303,
      expect.stringMatching(/^\.\/\?said=dump-due&of=shop&job=repeat/),
    ]);
    const worker = new Worker('dump', async () => undefined, {
      connection: { url: server.url, maxRetriesPerRequest: null },
      prefix: queuePrefix(site),
    });
    await eventually(async () => (await dumps.getCompletedCount()) === 1);
    await worker.close();
    const asked = await post(
      scheduler,
      '/dump',
      { token, database: 'shop' },
      { 'sec-fetch-site': 'same-origin', origin: scheduler.base },
    );
    expect(asked.status).toBe(303);
    const location = (asked.headers.get('location') ?? '').replace(/^\./, '');
    expect(await dumps.getJobs(['waiting'])).toMatchObject([{ name: 'ad-hoc', data: { target: 'shop' } }]);
    expect((await pageOf(scheduler, location)).text).toMatch(
      /A dump of shop is requested\.<a href="\.\/queues\/queue\/dump\/\d+">/,
    );

    const tested = await post(scheduler, '/restore-test', { token, database: 'shop' });
    expect(tested.headers.get('location')).toMatch(/^\.\/\?said=test&of=shop&job=verify\.backup_shop_/);
    expect(await tests.getJobs(['waiting'])).toMatchObject([{ name: 'ad-hoc', data: { destination: 's3' } }]);
    await scheduler.process.waitForLine(/status page: requested a restore-test/);
  });

  test('requests nothing for another website, without the token, or for what is not configured', async () => {
    const { site, scheduler } = await start('shop');
    await using _scheduler = scheduler;
    await using dumps = openQueue('dump', site, redis);
    const token = tokenIn((await pageOf(scheduler)).text);
    const form = { token, database: 'shop' };
    const before = await dumps.getJobCounts();
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'http://evil.example' },
      { origin: 'null' },
    ])
      expect((await post(scheduler, '/dump', form, headers)).status).toBe(403);
    for (const wrong of [
      { database: 'shop' },
      { token: `${token}x`, database: 'shop' },
      { token: '', database: 'shop' },
    ])
      expect((await post(scheduler, '/dump', wrong)).headers.get('location')).toBe('./?said=old');
    expect((await post(scheduler, '/dump', { token, database: 'other' })).headers.get('location')).toBe(
      './?said=unknown',
    );
    expect((await post(scheduler, '/dump', { ...form, more: 'x'.repeat(5000) })).status).toBe(413);
    expect((await scheduler.request('/dump')).status).toBe(404);
    const nobody = await fetch(`${scheduler.base}/dump`, {
      method: 'POST',
      headers: FORM,
      body: new URLSearchParams(form).toString(),
    });
    expect(nobody.status).toBe(401);
    const wrongOne = await fetch(`${scheduler.base}/`, { headers: { authorization: basic(BOARD_USER, 'wrong') } });
    expect(wrongOne.status).toBe(401);
    expect(await dumps.getJobCounts()).toEqual(before);
    expect((await pageOf(scheduler, '/?said=old')).text).toContain('Nothing was done');
  });

  test('shows each failure with its reason and hint', async () => {
    const { site, scheduler } = await start('shop');
    await using _scheduler = scheduler;
    await publish(redis, site, publishedCatalog({ shop: days(2) }, { frozen: 'nothing is deleted while X is bad' }));
    await using dumps = openQueue('dump', site, redis);
    await failDumps(site, dumps, 1);
    await dumps.pause();
    const { text } = await pageOf(scheduler);
    expect(text).toMatch(
      /The dump of shop failed \d+s ago: server &quot;db&quot; is away<\/p><p class="muted">Start PostgreSQL\.<a href="\.\/queues\/queue\/dump\/repeat%3A/,
    );
    expect(text).toContain('Nothing of shop is pruned: nothing is deleted while X is bad');
    expect(text).toContain('The queue dump is paused');
    for (const secret of [BOARD_PASSWORD, POSTGRES_PASSWORD]) expect(text).not.toContain(secret);
  });

  test('lists the standing alarms, the gravest first, and repeats none for its job', async () => {
    const { site, scheduler } = await start(`shop,"<b>db"`);
    await using _scheduler = scheduler;
    await publish(
      redis,
      site,
      publishedCatalog({ shop: [...days(3), { takenAt: hoursAgo(0.5), bytes: 70, suspect: true }], '<b>db': days(1) }),
    );
    expect((await pageOf(scheduler)).text).not.toContain('id="alarms"');
    await using dumps = openQueue('dump', site, redis);
    await failDumps(site, dumps, 2, '<script>alert(6)</script> *** server "db" is away');
    const background = new Background(log, String);
    {
      const redact = (text: string): string => text.replaceAll(POSTGRES_PASSWORD, '***');
      using alarms = new Alarms({ site, redis, endpoints: [], background, log, redact });
      const reason = `<script>alert(6)</script> ${POSTGRES_PASSWORD} server "db" is away`;
      alarms.raise({ kind: 'pruning-frozen', database: 'shop', reason: 'a clock is wrong', safe: 'all of it.' });
      alarms.raise({ kind: 'dump-failed', database: '<b>db', reason, hint: 'Start <it>.', safe: 'all of it.' });
    }
    await background[Symbol.asyncDispose]();
    const { text } = await pageOf(scheduler);
    const [alarmList, rest = ''] = text.slice(text.indexOf('id="alarms"')).split('What needs attention');
    expect(alarmList).toMatch(
      /^id="alarms">Alarms<\/h2><ul class="notices"><li class="no"><p><strong>The dump of &quot;&lt;b&gt;db&quot; failed<\/strong><span class="muted"><time [^>]+>(?:now|\d+s ago)<\/time><\/span><\/p><p>The dump failed, [^<]*: &lt;script&gt;alert\(6\)&lt;\/script&gt; \*\*\* server &quot;db&quot; is away<\/p><p class="muted">Start &lt;it&gt;\.<a href="\.\/queues\/queue\/dump\//,
    );
    expect(alarmList).toMatch(/<li class="not-yet"><p><strong>Nothing of shop is deleted any more<\/strong>/);
    expect(rest).toContain('The dump of shop failed');
    expect(rest).not.toContain('The dump of &lt;b&gt;db failed');
    expect(rest).toMatch(
      /Its newest dump, backup_shop_\S+, is suspect and does not count: it has 280 B of SQL, 12 % of/,
    );
    expect(rest).toContain('70 B, 12,345 rows,<span class="not-yet">suspect</span>');
    expect(rest).toMatch(/UTC: 70 B in 1m 1s, SUSPECT, uploaded/);
    expect(rest).toContain('newest backup<time');
    for (const secret of [BOARD_PASSWORD, POSTGRES_PASSWORD]) expect(text).not.toContain(secret);
  });

  test('says that it does not know while Redis is away', async () => {
    await using own = await startRedis();
    const scheduler = await startScheduler({ REDIS_URL: own.url });
    await using _scheduler = scheduler;
    await own.stop();
    const { status, text } = await pageOf(scheduler);
    expect(status).toBe(503);
    expect(text).toContain('Whether your backups are good is not known');
    expect(text).toContain('redis does not answer within 2 s');
  });
});
