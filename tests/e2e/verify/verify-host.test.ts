import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BUCKET } from '../stage/settings-of.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';
import { restoringIn, serversIn, setVerifyStage, type VerifyStage } from '../stage/verify-stage.ts';

describe.skipIf(!hasRedis() || !hasPostgres())('a verify worker with a scratch host', () => {
  const cleanup = new AsyncDisposableStack();
  let servers: Servers;
  let stage: VerifyStage;
  let hostFolder: string;

  beforeAll(async () => {
    servers = cleanup.use(
      await startServers({
        shop: 'create table t (i int primary key); insert into t select generate_series(1, 20000)',
      }),
    );
    hostFolder = cleanup.use(await tempFolder('pgstow-host-', unprivilegedUser())).path;
  });
  beforeEach(async () => {
    stage = await setVerifyStage({ ...servers, databases: 'shop' });
  });
  afterEach(() => stage[Symbol.asyncDispose]());
  afterAll(() => cleanup.disposeAsync());

  const startWorker = (env: Readonly<Record<string, string>> = {}) =>
    stage.startWorker({ VERIFY_HOST_DIR: hostFolder, ...env });
  const hosted = () => serversIn(hostFolder);
  const expectNothingHosted = async () => {
    await eventually(async () => expect([...hosted(), ...(await readdir(hostFolder))]).toEqual(['host.sock']));
    await stage.expectNothingLeft();
  };

  it('has its tests run there, and nothing is left', async () => {
    await stage.startHost(hostFolder);
    await startWorker();
    const { name } = await stage.dumpAndUpload('shop');
    expect(await stage.good(name)).toMatchObject({ result: 'good', differences: [], tables: 1, rows: 20_000 });
    await expectNothingHosted();
  });

  it('killed in the middle takes the server with it; the job runs again to GOOD', async () => {
    await stage.startHost(hostFolder);
    const worker = await startWorker();
    const { name } = await stage.dumpHeld('shop');
    const jobId = await stage.askHeld(name, hostFolder);
    await worker.kill();
    await eventually(() => expect(hosted()).toEqual([]));
    await stage.release();
    await stage.expireLocks();
    await startWorker();
    await stage.reaches(jobId, 'completed');
    expect(await stage.record(name)).toMatchObject({ result: 'good' });
    await expectNothingHosted();
  });

  it('could not tell once the host is killed in the middle; the next one removes what is left, and the retry is GOOD', async () => {
    const host = await stage.startHost(hostFolder);
    await startWorker();
    const { name } = await stage.dumpHeld('shop');
    const jobId = await stage.askHeld(name, hostFolder);
    await host.kill();
    const { failedReason } = await stage.reaches(jobId, 'delayed');
    expect(failedReason).toContain('COULD NOT TELL');
    await eventually(() => expect(hosted()).toEqual([]));
    await stage.release();
    await stage.startHost(hostFolder);
    await eventually(async () => {
      const job = await stage.queue.getJob(jobId);
      // The next attempt may already run.
      if (await job?.isDelayed()) await job?.promote();
      expect(await stage.record(name)).toMatchObject({ result: 'good' });
    });
    await expectNothingHosted();
  });

  it('could not tell once a process of the server is killed, as for want of memory, and says so in the words of the server', async () => {
    await stage.startHost(hostFolder);
    await startWorker();
    const { name } = await stage.dumpHeld('shop');
    const jobId = await stage.askHeld(name, hostFolder);
    process.kill(restoringIn(hostFolder)!.pid, 'SIGKILL');
    const { failedReason } = await stage.reaches(jobId, 'delayed');
    expect(failedReason).toMatch(
      /COULD NOT TELL .* the scratch server ended \(exit code \d\): .* was terminated by signal 9/s,
    );
    expect(failedReason).toContain('hint: Is there enough memory?');
    await expectNothingHosted();
  });

  it('could not tell where the host is away, says so, and tries again later', async () => {
    await startWorker();
    const { name } = await stage.dumpAndUpload('shop');
    const { failedReason } = await stage.reaches(await stage.ask(name), 'delayed');
    expect(failedReason).toContain(`the scratch host does not answer at ${hostFolder}/host.sock`);
    expect(failedReason).toContain('hint: Is the service scratch-host running?');
  });

  it('waits for its turn longer than VERIFY_TIMEOUT, and has its whole time then; could not tell if the turn comes too late', async () => {
    const host = await stage.startHost(hostFolder);
    const { name, serverVersion } = await stage.dumpAndUpload('shop');
    const { name: second } = await stage.dumpAndUpload('shop');
    // A client keeps its turn while it is connected.
    const stuck = connect(join(hostFolder, 'host.sock'));
    const major = Number.parseInt(serverVersion ?? '', 10);
    stuck.write(`${JSON.stringify({ ask: 'start', major, memoryBytes: 128 * 1024 ** 2 })}\n`);
    await once(stuck, 'data');
    const patient = await startWorker({ VERIFY_TIMEOUT: '10' });
    const waiting = await stage.ask(name);
    await patient.waitForLine(/fetched/);

    // This wait ends after three times its timeout. By then the other test has waited longer than its own timeout.
    const impatient = await startWorker({ VERIFY_TIMEOUT: '4' });
    const jobId = await stage.ask(second);
    const { failedReason } = await stage.reaches(jobId, 'delayed');
    expect(failedReason).toMatch(
      /COULD NOT TELL .*: the scratch host ran no server for it within 12 s\nhint: Another restore test does not end there/,
    );
    expect(await stage.record(second)).toMatchObject({ result: 'could-not-tell' });
    expect(await stage.queue.getJobState(waiting)).toBe('active');

    await impatient.stop();
    stuck.destroy();
    await host.waitForLine(/done with the scratch server/);
    await stage.reaches(waiting, 'completed');
    // Unless the next attempt has already begun.
    await (await stage.queue.getJob(jobId))!.promote().catch(() => undefined);
    await eventually(async () => expect(await stage.record(second)).toMatchObject({ result: 'good' }));
    await expectNothingHosted();
  });

  it('has its tests run by a host that found a pipe in the place of a file that a server leaves', async () => {
    const data = join(hostFolder, 'server-0a1b2c', 'data');
    await mkdir(data, { recursive: true });
    const { promise: made, resolve } = Promise.withResolvers<Error | null>();
    execFile('mkfifo', [join(data, 'postmaster.pid')], resolve);
    expect(await made).toBeNull();
    await stage.startHost(hostFolder);
    expect(await readdir(hostFolder)).toEqual(['host.sock']);
    await startWorker();
    const { name } = await stage.dumpAndUpload('shop');
    expect(await stage.good(name)).toMatchObject({ result: 'good' });
    await expectNothingHosted();
  });

  it('counts the room on the host, and the part of the limit for the dump', async () => {
    await stage.startHost(hostFolder);
    await startWorker({ VERIFY_DISK_LIMIT: '1' });
    const { name } = await stage.dumpAndUpload('shop');
    const { failedReason } = await stage.reaches(await stage.ask(name), 'delayed');
    expect(failedReason).toContain(`${hostFolder} has room for 1.05 MB, and the restore test needs about`);
  });

  it('knows before the download that the host lacks the version', async () => {
    await stage.startHost(hostFolder);
    await startWorker();
    const manifest = await stage.dumpAndUpload('shop');
    await stage.rewrite(manifest, { manifest: { serverVersion: '99.1' } });
    await servers.s3.putObject(BUCKET, stage.keyOf(manifest.name), Buffer.from('not what it was'));
    const { failedReason } = await stage.reaches(await stage.ask(manifest.name), 'failed');
    expect(failedReason).toContain('there is no PostgreSQL server 99 here');
  });
});
