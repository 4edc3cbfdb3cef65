import { runIdOf } from '@pgstow/notify/heartbeat/run-id.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startHttpEndpoint, type HttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { describe, expect, it } from 'vitest';
import { makeDump, s3Error, setUploadStage, uploadJob } from '../stage/upload-stage.ts';
import { postedTo } from '../stage/witnesses/posted-to.ts';

const CANARY = 'cAnArY0123456789abcdef';
const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

describe.skipIf(!hasRedis()).concurrent('an upload worker', () => {
  const toldTo = (endpoint: HttpEndpoint) => ({
    HEARTBEAT_URL: `${endpoint.url}/ping/${CANARY}`,
    NOTIFY_URLS: `${endpoint.url}/notify/${CANARY}`,
  });
  const notified = (endpoint: HttpEndpoint) => postedTo(endpoint, '/notify/');
  const pings = ({ requests }: HttpEndpoint) =>
    requests.filter(({ path }) => path.startsWith('/ping/')).map(({ path }) => path.replace(`/ping/${CANARY}`, ''));
  const success = ({ name }: Manifest) => `?rid=${runIdOf(name)}`;

  it('pings the heartbeat for the run of the newest dump once the store has confirmed it, and of no older one', async () => {
    await using stage = await setUploadStage();
    await using endpoint = await startHttpEndpoint();
    const [old, newest] = [
      await makeDump(stage.folder, { takenAt: minutesAgo(60) }),
      await makeDump(stage.folder, { takenAt: minutesAgo(1) }),
    ];
    const worker = await stage.startWorker(toldTo(endpoint));
    for (const manifest of [old, newest]) await stage.uploaded(manifest);
    await eventually(() => expect(pings(endpoint)).toEqual([success(newest)]));
    await worker.stop();
    expect(endpoint.requests).toHaveLength(1);
    expect(worker.lines.map(({ text }) => text).join('\n')).not.toContain(CANARY);
  });

  it('raises one alarm for all uploads that fail for good, however often they are asked for, and lifts it once', async () => {
    await using stage = await setUploadStage();
    await using endpoint = await startHttpEndpoint();
    await stage.proxy.status(403, { body: s3Error('AccessDenied') });
    const old = await makeDump(stage.folder, { takenAt: minutesAgo(60) });
    const newest = await makeDump(stage.folder, { takenAt: minutesAgo(1) });
    // Each start requests both uploads again.
    for (let start = 1; start <= 2; start += 1) {
      const failing = await stage.startWorker(toldTo(endpoint));
      await eventually(() => expect(pings(endpoint)).toHaveLength(2 * start));
      await failing.stop();
    }
    expect(pings(endpoint).every((ping) => ping.startsWith('/fail?rid='))).toBe(true);
    expect(notified(endpoint)).toEqual([
      expect.objectContaining({
        event: 'raised',
        kind: 'upload-failed',
        database: 'shop',
        happened: expect.stringMatching(/could not be uploaded: .*AccessDenied/),
        safe: expect.stringMatching(/^in the backup folder .*, the newest of 2; nothing at s3\.$/),
        hint: expect.stringMatching(/s3:PutObject/),
      }),
    ]);

    await stage.proxy.pass();
    const mended = await stage.startWorker(toldTo(endpoint));
    for (const manifest of [old, newest]) await stage.uploaded(manifest);
    await eventually(() => expect(notified(endpoint)).toHaveLength(2));
    await mended.stop();
    expect(notified(endpoint)[1]).toMatchObject({ event: 'recovered', kind: 'upload-failed', name: newest.name });
    expect(pings(endpoint).slice(4)).toEqual([success(newest)]);
    expect(mended.lines.map(({ text }) => text).join('\n')).not.toContain(CANARY);
  });

  it('raises nothing for an old dump while a newer one is confirmed, nor for what others write into the queue', async () => {
    await using stage = await setUploadStage();
    await using endpoint = await startHttpEndpoint();
    const newest = await makeDump(stage.folder, { takenAt: minutesAgo(1) });
    const worker = await stage.startWorker(toldTo(endpoint));
    await stage.uploaded(newest);
    await eventually(() => expect(pings(endpoint)).toEqual([success(newest)]));
    await stage.proxy.status(403, { body: s3Error('AccessDenied') });
    const old = await makeDump(stage.folder, { takenAt: minutesAgo(60) });
    const foreign = [uploadJob(old.name), uploadJob('backup_other_20260101_000000.sql.gz'), { name: '../x' }, null];
    for (const data of foreign) await stage.queue.add('upload', data, { attempts: 3 });
    await stage.queue.add('upload', { ...uploadJob(newest.name), destination: 'elsewhere' });
    await eventually(async () => (await stage.queue.getFailedCount()) === foreign.length + 1);
    await worker.stop();
    expect(endpoint.requests).toHaveLength(1);
  });

  it('goes on with an endpoint that answers 500 or hangs', async () => {
    await using stage = await setUploadStage();
    await using endpoint = await startHttpEndpoint();
    endpoint.answer('hang', 500, 500);
    const worker = await stage.startWorker(toldTo(endpoint));
    for (const minutes of [3, 2, 1]) {
      const manifest = await makeDump(stage.folder, { takenAt: minutesAgo(minutes) });
      await stage.queue.add('upload', uploadJob(manifest.name));
      await stage.uploaded(manifest);
    }
    expect(await worker.stop('SIGTERM')).toMatchObject({ code: 0 });
  });
});
