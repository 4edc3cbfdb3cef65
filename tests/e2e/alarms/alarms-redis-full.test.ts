import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis/redis.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startHttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { startRedis } from '@pgstow/testing/servers/redis-server.ts';
import { expect, test } from 'vitest';
import { startScheduler } from '../stage/processes/start-scheduler.ts';
import { hoursAgo, publish, publishedCatalog, PUBLISHED_BUCKET } from '../stage/publish-catalog.ts';

test.skipIf(!hasRedis())('a scheduler tells of missing backups though Redis is full', async () => {
  await using server = await startRedis();
  await using redis = await connectRedis(server.url, createLog('test', 'fatal', String));
  await using endpoint = await startHttpEndpoint();
  await publish(redis, 'default', publishedCatalog({ shop: [{ takenAt: hoursAgo(100), test: 'good' }] }));
  expect(await server.command('CONFIG SET maxmemory 1')).toBe('+OK');
  await using scheduler = await startScheduler({
    REDIS_URL: server.url,
    POSTGRES_DB: 'shop,orders',
    S3_BUCKET: PUBLISHED_BUCKET,
    BACKUP_INTERVAL: '86400',
    NOTIFY_URLS: `${endpoint.url}/hook`,
  });
  const { json } = await endpoint.received(() => true);
  expect(json).toMatchObject({ event: 'raised', kind: 'stale', database: 'shop', severity: 'error' });
  const health = await scheduler.request('/healthz');
  expect([health.status, await health.json()]).toMatchObject([
    503,
    { details: [{ protection: 'no', reasons: [expect.stringContaining('its newest backup at s3 is 4d 4h old')] }, {}] },
  ]);
  await scheduler.process.waitForLine(/alarm raised, and not kept by Redis/);
  await scheduler.process.stop();
  expect(endpoint.requests).toHaveLength(1);
});
