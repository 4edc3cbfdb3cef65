import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startHttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUCKET } from '../stage/settings-of.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';
import { setVerifyStage } from '../stage/verify-stage.ts';
import { postedTo } from '../stage/witnesses/posted-to.ts';

describe.skipIf(!hasRedis() || !hasPostgres())('a verify worker', () => {
  let servers: Servers;

  beforeAll(async () => {
    servers = await startServers({ shop: 'CREATE TABLE t AS SELECT generate_series(1, 100) AS a' });
  });
  afterAll(() => servers[Symbol.asyncDispose]());

  it('raises one alarm for a BAD dump, and lifts it once a newer one is GOOD, not another copy of the same', async () => {
    await using endpoint = await startHttpEndpoint();
    await using stage = await setVerifyStage({ ...servers, databases: 'shop' });
    const toldTo = { NOTIFY_URLS: `${endpoint.url}/notify` };

    const { name, bytes } = await stage.dumpAndUpload('shop');
    const object = await servers.s3.getObject(BUCKET, stage.keyOf(name));
    object[Math.floor(bytes / 2)]! ^= 1;
    await servers.s3.putObject(BUCKET, stage.keyOf(name), object);
    const first = await stage.startWorker(toldTo);
    for (let times = 1; times <= 2; times += 1) await stage.reaches(await stage.ask(name), 'failed');
    await stage.good(name, 'local');
    await first.stop();
    expect(postedTo(endpoint)).toEqual([
      expect.objectContaining({
        event: 'raised',
        kind: 'restore-test-bad',
        severity: 'critical',
        database: 'shop',
        name,
        happened: expect.stringMatching(/found it BAD: what lies at s3 .* its sha256 is/),
        safe: 'no backup of it. 1 was found BAD.',
      }),
    ]);

    const next = await stage.dumpAndUpload('shop');
    const second = await stage.startWorker(toldTo);
    await stage.good(next.name);
    await second.stop();
    expect(postedTo(endpoint).slice(1)).toEqual([
      expect.objectContaining({ event: 'recovered', kind: 'restore-test-bad', name: next.name }),
    ]);
  });

  it('raises an alarm for tests that can come to no verdict, and lifts it by one that does', async () => {
    await using endpoint = await startHttpEndpoint();
    await using stage = await setVerifyStage({ ...servers, databases: 'shop' });
    const { name } = await stage.rewrite(await stage.dumpAndUpload('shop'), { manifest: { serverVersion: '99.1' } });
    await using worker = await stage.startWorker({ NOTIFY_URLS: `${endpoint.url}/notify` });
    for (let times = 1; times <= 2; times += 1) await stage.reaches(await stage.ask(name), 'failed');
    const next = await stage.dumpAndUpload('shop');
    await stage.good(next.name);
    await worker.stop();
    expect(postedTo(endpoint)).toEqual([
      expect.objectContaining({
        event: 'raised',
        kind: 'restore-test-failed',
        severity: 'warning',
        name,
        happened: expect.stringMatching(/COULD NOT TELL .* no PostgreSQL server 99 here/),
      }),
      expect.objectContaining({ event: 'recovered', kind: 'restore-test-failed', name: next.name }),
    ]);
  });

  it('goes on with an endpoint that hangs or answers 500', async () => {
    await using endpoint = await startHttpEndpoint();
    endpoint.answer('hang', 500, 500);
    await using stage = await setVerifyStage({ ...servers, databases: 'shop' });
    const { name } = await stage.rewrite(await stage.dumpOnly('shop'), {
      text: (sql) => sql.replace('\n7\n', '\n'),
    });
    const next = await stage.dumpOnly('shop');
    const worker = await stage.startWorker({ NOTIFY_URLS: `${endpoint.url}/notify` });
    await stage.reaches(await stage.ask(name, 'local'), 'failed');
    await endpoint.received(({ json }) => (json as { kind?: string }).kind === 'restore-test-bad');
    expect(await stage.good(next.name, 'local')).toMatchObject({ result: 'good' });
    expect(await worker.stop('SIGTERM')).toMatchObject({ code: 0 });
  });
});
