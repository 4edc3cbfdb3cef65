import { readdir } from 'node:fs/promises';
import { findDump } from '@pgstow/catalog/folder/read-folder.ts';
import { writeRestoreTest } from '@pgstow/catalog/folder/write-record.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startServers, type Servers } from '../stage/start-servers.ts';
import { jobIdOf, serversIn, setVerifyStage, type VerifyStage } from '../stage/verify-stage.ts';

describe.skipIf(!hasRedis() || !hasPostgres())('the verify worker', () => {
  let servers: Servers;
  let stage: VerifyStage;

  beforeAll(async () => {
    const rows =
      'create table t (i int primary key, a text); insert into t select i, md5(i::text) from generate_series(1, 20000) i';
    servers = await startServers({ shop: rows, crm: rows });
  });
  beforeEach(async () => {
    stage = await setVerifyStage({ ...servers, databases: 'shop,crm' });
  });
  afterEach(() => stage[Symbol.asyncDispose]());
  afterAll(() => servers[Symbol.asyncDispose]());

  const scratchServers = () => serversIn(stage.scratch);

  it('killed in the middle leaves no server, and after its next start no folder; the job runs again to GOOD', async () => {
    const worker = await stage.startWorker();
    const { name } = await stage.dumpHeld('shop');
    const jobId = await stage.askHeld(name);
    expect(scratchServers()).not.toEqual([]);
    await worker.kill();
    await eventually(() => expect(scratchServers()).toEqual([]));
    expect(await readdir(stage.scratch)).toHaveLength(1);

    await stage.release();
    await stage.expireLocks();
    await stage.startWorker();
    await stage.reaches(jobId, 'completed');
    expect(await stage.record(name)).toMatchObject({ result: 'good' });
    await stage.expectNothingLeft();
  });

  it('stopped in the middle leaves nothing, and the job runs again to GOOD', async () => {
    const worker = await stage.startWorker({ SHUTDOWN_GRACE: '0' });
    const { name } = await stage.dumpHeld('shop');
    const jobId = await stage.askHeld(name);
    expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    await stage.expectNothingLeft();
    expect(await stage.record(name)).toBeUndefined();

    await stage.release();
    await stage.startWorker();
    await stage.reaches(jobId, 'completed');
    expect((await stage.queue.getJob(jobId))?.attemptsMade).toBe(1);
  });

  it('tests two dumps at once with a second one, and one dump never twice at once', async () => {
    const workers = [await stage.startWorker(), await stage.startWorker()];
    const held = await stage.dumpHeld('shop');
    const first = await stage.askHeld(held.name);
    const same = (await stage.queue.add('ad-hoc', { name: held.name, destination: 's3' })).id!;
    const other = await stage.dumpAndUpload('crm');
    await stage.good(other.name);
    expect(await stage.queue.getJobState(first)).toBe('active');
    await eventually(() =>
      workers.some(({ lines }) => lines.some(({ text }) => text.includes('another worker holds'))),
    );
    expect(scratchServers()).toHaveLength(1);
    // It tries again now and then.
    await eventually(async () => (await stage.queue.getJobState(same)) === 'delayed');
  });

  it('without room could not tell, and tries again later', async () => {
    await stage.startWorker({ VERIFY_DISK_LIMIT: '1' });
    const { name } = await stage.dumpAndUpload('shop');
    const job = await stage.reaches(await stage.ask(name), 'delayed');
    expect(job.failedReason).toMatch(/COULD NOT TELL .* has room for 1.05 MB, and the restore test needs about/);
    expect(job.failedReason).toContain('hint: Free some space, raise VERIFY_DISK_LIMIT');
    expect(await stage.record(name)).toMatchObject({ result: 'could-not-tell' });
  });

  it('that takes more room than it may, or more time, could not tell, and leaves nothing', async () => {
    const small = await stage.startWorker({ VERIFY_DISK_LIMIT: '20' });
    const { name, source } = await stage.dumpHeld('shop');
    await stage.rewrite((await findDump(stage.folder, name))!.manifest, {
      manifest: { source: { ...source!, databaseBytes: 1 } },
    });
    const tooLarge = await stage.reaches(await stage.ask(name), 'delayed');
    expect(tooLarge.failedReason).toContain('took more than 21 MB (VERIFY_DISK_LIMIT)');
    await stage.expectNothingLeft();
    await small.stop();

    await tooLarge.remove();
    await stage.startWorker({ VERIFY_TIMEOUT: '4' });
    // There is no retry: it would take as long.
    const tooLong = await stage.reaches(await stage.ask(name), 'failed');
    expect(tooLong.failedReason).toContain('it took more than 4 s (VERIFY_TIMEOUT)');
    await stage.expectNothingLeft();
  });

  it('requests by itself what is not requested yet: the newest confirmed dump of each database, once', async () => {
    await stage.dumpAndUpload('shop');
    const newest = await stage.dumpAndUpload('shop');
    await stage.dumpOnly('shop');
    const off = await stage.startWorker();
    await off.waitForLine(/"msg":"reconciled"/);
    expect(await stage.queue.getJobCountByTypes('prioritized', 'active', 'completed')).toBe(0);
    await off.stop();
    const worker = await stage.startWorker({ VERIFY_SCHEDULE: 'after-upload' });
    await stage.reaches(jobIdOf(newest.name), 'completed');
    await worker.stop();
    const again = await stage.startWorker({ VERIFY_SCHEDULE: 'after-upload' });
    await again.waitForLine(/"msg":"reconciled"/);
    expect(await stage.queue.getJobCountByTypes('prioritized', 'active', 'completed')).toBe(1);
  });

  it('gets its jobs from the dump worker if there is no destination, and none if tests are off', async () => {
    await stage.startWorker({ S3_BUCKET: '', VERIFY_SCHEDULE: 'after-upload' });
    await stage.dumpOnly('shop');
    expect(await stage.queue.getJobCountByTypes('prioritized', 'active', 'completed')).toBe(0);
    await stage.dumps.startWorker();
    const { manifest } = await stage.dumps.dump('shop');
    await stage.reaches(jobIdOf(manifest.name, 'local'), 'completed');
    expect(await stage.record(manifest.name, 'local')).toMatchObject({ result: 'good' });
  });

  it('keeps everything from being pruned once it has found a bad dump, until a later one is good', async () => {
    await stage.dumps.startWorker({ VERIFY_SCHEDULE: 'off', BACKUP_KEEP_LAST: '1' });
    const first = (await stage.dumps.dump('shop')).manifest;
    await writeRestoreTest(stage.folder, {
      version: 1,
      name: first.name,
      destination: 'local',
      sha256: first.sha256,
      result: 'bad',
      reason: 'rows are missing',
      differences: ['rows are missing'],
      differenceCount: 1,
      notes: [],
      testedAt: new Date().toISOString(),
      durationMs: 1,
    });
    await stage.dumps.dump('shop');
    const job = await stage.dumps.enqueue('shop');
    const third = (await stage.dumps.completed(job)).manifest;
    await eventually(async () => {
      expect(await stage.dumps.logOf(job)).toContain(`of ${first.name} from local, is bad`);
    });
    expect((await stage.dumps.known()).map(({ manifest }) => manifest.name)).toHaveLength(3);

    await stage.startWorker();
    await stage.good(third.name, 'local');
    const fourth = (await stage.dumps.dump('shop')).manifest;
    await eventually(async () => {
      expect((await stage.dumps.known()).map(({ manifest }) => manifest.name)).toEqual([fourth.name]);
    });
  });
});
