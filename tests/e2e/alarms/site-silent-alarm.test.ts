import { siteSummarySchema } from '@pgstow/shared/contract/site-summary.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startHttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { expect, test } from 'vitest';
import { startConnectedRedis } from '../stage/processes/start-connected-redis.ts';
import { startScheduler } from '../stage/processes/start-scheduler.ts';
import { postedTo } from '../stage/witnesses/posted-to.ts';

test.skipIf(!hasRedis())('a silent site raises one alarm, whoever sees it, and its return lifts it', async () => {
  await using connected = await startConnectedRedis();
  const { server, redis } = connected;
  await using hook = await startHttpEndpoint();
  const settings = (site: string) => ({
    REDIS_URL: server.url,
    SITE: site,
    NOTIFY_URLS: hook.url.replace('http:', 'generic+http:'),
  });
  const key = 'pgstow:vienna:summary';
  const ofVienna = () => postedTo(hook).filter(({ kind }) => kind === 'site-silent');
  {
    await using vienna = await startScheduler(settings('vienna'));
    await eventually(async () => (await redis.exists(key)) === 1);
    await vienna.process.kill();
  }
  const summary = siteSummarySchema.parse(JSON.parse((await redis.get(key))!));
  await redis.set(key, JSON.stringify({ ...summary, writtenAt: new Date(Date.now() - 3_600_000).toISOString() }));
  for (const site of ['berlin', 'cairo']) {
    await using other = await startScheduler(settings(site));
    // A status page that links to the others was rendered after they were read.
    await eventually(async () => (await (await other.request('/')).text()).includes('href="./sites"'));
    const page = await (await other.request('/sites')).text();
    expect(page).toContain('its scheduler was last heard of 1h ago');
    await eventually(() => ofVienna().length > 0);
    await other.process.stop();
    expect(other.process.tail.includes('alarm raised: The site vienna is silent')).toBe(site === 'berlin');
  }
  expect(ofVienna()).toEqual([
    expect.objectContaining({
      event: 'raised',
      severity: 'critical',
      site: 'vienna',
      title: 'The site vienna is silent',
      hint: expect.stringContaining('pgstow status --forget-site vienna') as string,
    }),
  ]);
  expect(ofVienna()[0]).toMatchObject({ database: null });

  await using back = await startScheduler(settings('vienna'));
  await eventually(() => ofVienna().length === 2);
  expect(ofVienna()[1]).toMatchObject({ event: 'recovered', site: 'vienna' });
  await back.process.stop();
});
