import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { siteSummarySchema } from '@pgstow/shared/contract/site-summary.ts';
import { jobOptions, openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { connectRedis, type RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aclOfSite } from '../stage/acl-of-site.ts';
import { runCli } from '../stage/processes/run-cli.ts';
import { apps, startApp } from '../stage/processes/start-app.ts';
import { log } from '../stage/processes/start-connected-redis.ts';
import { basic } from '../stage/processes/start-scheduler.ts';
import { settingsOf, type Environment } from '../stage/settings-of.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';

const SITES = ['berlin', 'vienna'] as const;
type SiteName = (typeof SITES)[number];
const BOARD = { BOARD_USER: 'admin', BOARD_PASSWORD: 'canary-board-password' };

describe.skipIf(!hasRedis() || !hasPostgres())('several sites with one Redis', () => {
  const cleanup = new AsyncDisposableStack();
  let servers: Servers;
  let admin: RedisConnection;
  const settings = {} as Record<SiteName, Environment>;
  const running = {} as Record<SiteName, readonly BoundProcess[]>;

  const urlOf = (site: SiteName): string => servers.redis.url.replace('redis://', `redis://${site}:change-me@`);
  async function startSite(site: SiteName, env: Environment = {}): Promise<void> {
    const started = apps.map((app) => startApp(app, { ...settings[site], ...env }));
    running[site] = await Promise.all(started);
    for (const each of running[site]) cleanup.use(each);
  }
  const goodDumps = async (site: SiteName) =>
    (await readFolder(settings[site]['BACKUP_DIR']!)).dumps.filter(({ restoreTests }) =>
      [...restoreTests.values()].some(({ result }) => result === 'good'),
    );
  const allSites = async (url: string) => {
    const { code, stdout } = await runCli(['status', '--all-sites', '--json'], { REDIS_URL: url });
    return { code, sites: (JSON.parse(stdout) as { sites: Record<string, unknown>[] }).sites };
  };
  const pageOf = async (site: SiteName, path: string): Promise<string> => {
    const [scheduler] = running[site];
    const { json } = await scheduler!.waitForLine(/"url":"http/);
    const authorization = basic(BOARD.BOARD_USER, BOARD.BOARD_PASSWORD);
    const answer = await fetch(new URL(path, String(json?.['url'])), { headers: { authorization } });
    expect(answer.status).toBe(200);
    return answer.text();
  };

  beforeAll(async () => {
    servers = cleanup.use(
      await startServers({ shop: 'create table t as select i from generate_series(1, 1000) i', depot: 'select 1' }),
    );
    admin = cleanup.use(await connectRedis(servers.redis.url, log));
    for (const site of SITES) {
      const [, ...rules] = (await aclOfSite(site)).split(' ');
      await admin.call('ACL', 'SETUSER', ...rules);
      const { path: folder } = cleanup.use(await tempFolder(`pgstow-${site}-`));
      const { path: scratch } = cleanup.use(await tempFolder('pgstow-verify-', unprivilegedUser()));
      settings[site] = {
        ...settingsOf({ ...servers, databases: 'shop,depot', prefix: `${site}/`, folder }),
        ...BOARD,
        SITE: site,
        REDIS_URL: urlOf(site),
        BACKUP_INTERVAL: '86400',
        BOARD_PORT: '0',
        VERIFY_DIR: scratch,
        VERIFY_MEMORY_LIMIT: '128',
      };
    }
    await Promise.all(SITES.map((site) => startSite(site)));
    await Promise.all(SITES.map((site) => eventually(async () => (await goodDumps(site)).length === 2)));
  });
  afterAll(() => cleanup.disposeAsync());

  it('back up each on their own, by a user of Redis that may touch nothing of another site', async () => {
    const stranger = cleanup.use(await connectRedis(urlOf('berlin'), log));
    const refused = /NOPERM/;
    await expect(stranger.hget('pgstow:vienna:catalog', 'stamp')).rejects.toThrow(refused);
    await expect(stranger.set('pgstow:vienna:lock:dump:shop', 'mine')).rejects.toThrow(refused);
    await using queue = openQueue('dump', 'vienna', stranger);
    await expect(queue.add('ad-hoc', { target: 'shop' }, jobOptions.dump)).rejects.toThrow(refused);
    await expect(stranger.flushall()).rejects.toThrow(refused);
    for (const site of SITES)
      for (const { lines } of running[site]) expect(lines.filter(({ text }) => refused.test(text))).toEqual([]);
  });

  it('are all on one page and in one table, as far as the user may read', async () => {
    // Their first summary was written before the first backup.
    for (const site of SITES) await summaryOf(site, ({ databases }) => databases.total === 2);
    const { code, sites } = await allSites(servers.redis.url);
    expect(sites.map(({ site }) => site)).toEqual(SITES);
    expect([0, 6]).toContain(code);
    const page = await pageOf('berlin', '/sites');
    expect(page).toContain('id="site-berlin"');
    expect(page).toMatch(/id="site-vienna"[^]*its summary cannot be read: NOPERM/);

    const { sites: seen } = await allSites(urlOf('vienna'));
    expect(seen).toMatchObject([
      { site: 'berlin', isHealthy: false, reasons: [expect.stringContaining('NOPERM')], databases: null },
      { site: 'vienna', databases: { total: 2 } },
    ]);
  });

  it('notice that one of them is lost amid a dump, and go on; it goes on where it was once it is back', async () => {
    await using vienna = openQueue('dump', 'vienna', admin);
    await vienna.add('ad-hoc', { target: 'shop' }, jobOptions.dump);
    await eventually(async () => (await vienna.getActiveCount()) > 0 || (await vienna.getWaitingCount()) === 0);
    await Promise.all(running.vienna.map((each) => each.kill()));
    await silence('vienna');
    const lost = await allSites(servers.redis.url);
    expect(lost.code).toBe(6);
    expect(lost.sites.find(({ site }) => site === 'vienna')).toMatchObject({
      isHealthy: false,
      reasons: expect.arrayContaining([expect.stringMatching(/its scheduler was last heard of 1h.* ago/)]) as unknown,
    });

    await using berlin = openQueue('dump', 'berlin', admin);
    await berlin.add('ad-hoc', { target: 'depot' }, jobOptions.dump);
    await eventually(async () => (await goodDumps('berlin')).length === 3);

    await startSite('vienna');
    await summaryOf('vienna', ({ writtenAt }) => Date.parse(writtenAt) > Date.now() - 30 * 60_000);
    await eventually(async () => (await goodDumps('vienna')).length === 3);
  });

  it('can be forgotten, once they are no more', async () => {
    await Promise.all(running.vienna.map((each) => each.stop('SIGTERM')));
    const env = { REDIS_URL: servers.redis.url };
    expect(await runCli(['status', '--forget-site', 'vienna'], env)).toMatchObject({ code: 0 });
    expect((await allSites(servers.redis.url)).sites.map(({ site }) => site)).toEqual(['berlin']);
    expect(await runCli(['status', '--forget-site', 'vienna'], env)).toMatchObject({
      code: 1,
      stderr: 'pgstow: no site "vienna" is known',
    });
    expect((await goodDumps('vienna')).length).toBe(3);
  });

  async function summaryOf(site: SiteName, isWanted: (summary: ReturnType<typeof parse>) => boolean): Promise<void> {
    await eventually(async () => {
      const json = await admin.get(`pgstow:${site}:summary`);
      return json !== null && isWanted(parse(json));
    });
  }
  const parse = (json: string) => siteSummarySchema.parse(JSON.parse(json));

  /** Makes the last word of a site an hour old. */
  async function silence(site: SiteName): Promise<void> {
    const key = `pgstow:${site}:summary`;
    const summary = parse((await admin.get(key))!);
    await admin.set(key, JSON.stringify({ ...summary, writtenAt: new Date(Date.now() - 3_600_000).toISOString() }));
  }
});
