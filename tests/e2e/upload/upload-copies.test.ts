import { execFile } from 'node:child_process';
import { open, readFile, readdir, rename, stat, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findDump } from '@pgstow/catalog/folder/read-folder.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { uploadJobId, verifyJobId } from '@pgstow/shared/contract/jobs.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { createRedact } from '@pgstow/shared/runtime/log/redact.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { canMountTmpfs, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { smallDisk } from '@pgstow/testing/machine/small-disk.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { describe, expect, it } from 'vitest';
import { runCli } from '../stage/processes/run-cli.ts';
import { makeDump, setUploadStage, type UploadStage } from '../stage/upload-stage.ts';

const MARKER = '.pgstow-destination';
const silent = createLog('test', 'silent', createRedact([]));

/** A stage with a second destination: a folder that is marked, unless told otherwise. */
async function setCopyStage({ isMarked = true } = {}) {
  await using cleanup = new AsyncDisposableStack();
  const stage = cleanup.use(await setUploadStage());
  const { path: copies } = cleanup.use(await tempFolder('pgstow-copies-'));
  const env = { COPY_DIR: copies };
  const prepare = () => runCli(['prepare', '--same-disk'], { ...stage.settings, ...env });
  if (isMarked) await prepare();
  const owned = cleanup.move();
  return {
    ...stage,
    copies,
    prepare,
    startWorker: () => stage.startWorker(env),
    status: () =>
      runCli(['status'], { ...stage.settings, ...env, POSTGRES_HOST: 'x', POSTGRES_USER: 'x', POSTGRES_DB: 'shop' }),
    copied: (manifest: Manifest) => copiedTo(copies, stage, manifest),
    failedCopy: (name: BackupName) =>
      eventually(async () => {
        const id = uploadJobId(name, 'copy');
        return (await stage.queue.getJobState(id)) === 'failed' ? ((await stage.queue.getJob(id)) ?? null) : null;
      }),
    alarms: async () => {
      await using redis = await connectRedis(stage.redis.url, silent);
      return redis.hkeys('pgstow:default:alarms');
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The receipt of the copy, once it is there and the copy is what the folder has. */
async function copiedTo(copies: string, stage: UploadStage, { name }: Manifest) {
  const receipt = await eventually(async () => (await findDump(stage.folder, name))?.receipts.get('copy') ?? null);
  for (const file of [name, `${name}.manifest.json`])
    expect(await readFile(join(copies, file))).toEqual(await readFile(join(stage.folder, file)));
  return receipt;
}

describe.skipIf(!hasRedis())('a bucket and a folder', () => {
  it('each get every dump and its manifest, confirm it, and have it tested', async () => {
    await using stage = await setCopyStage();
    const manifest = await makeDump(stage.folder, { bytes: 9 * 1024 * 1024 });
    await stage.startWorker();

    expect(await stage.uploaded(manifest)).toMatchObject({ destination: 's3', bucket: 'backups' });
    expect(await stage.copied(manifest)).toMatchObject({
      destination: 'copy',
      folder: stage.copies,
      medium: 'same-disk',
      key: manifest.name,
      confirmedBy: 'checksum',
    });
    const copy = await stat(join(stage.copies, manifest.name));
    expect(copy.mode & 0o777).toBe(0o600);
    await using redis = await connectRedis(stage.redis.url, silent);
    await using verifications = openQueue('verify', 'default', redis);
    await eventually(async () => {
      for (const place of ['s3', 'copy'])
        expect(await verifications.getJob(verifyJobId(manifest.name, place))).toBeDefined();
    });
    const { stdout } = await stage.status();
    expect(stdout).toMatch(
      /shop: 3-2-1 does not hold: 4 copies with the database itself \(backup folder, s3, copy\), on 2 media \(copy is on the disk of the backup folder\), none of them elsewhere/,
    );
  });

  it('do not wait for one another: the folder goes on while the bucket is away', async () => {
    await using stage = await setCopyStage();
    await stage.proxy.refuse();
    const manifest = await makeDump(stage.folder);
    await stage.startWorker();
    await stage.copied(manifest);
    expect(await stage.receiptOf(manifest.name)).toBeUndefined();
    const { code, stdout } = await stage.status();
    expect({ code, stdout }).toMatchObject({
      code: 6,
      stdout: expect.stringContaining('no dump of it has reached s3,'),
    });
    await stage.proxy.pass();
    await stage.uploaded(manifest);
  });
});

describe.skipIf(!hasRedis())('a folder that is not mounted', () => {
  it('fails with an alarm and is left empty, while the bucket goes on; mounted, it gets what it missed', async () => {
    await using stage = await setCopyStage({ isMarked: false });
    const manifest = await makeDump(stage.folder);
    const first = await stage.startWorker();
    await stage.uploaded(manifest);
    const job = await stage.failedCopy(manifest.name);
    expect(job.failedReason).toContain(`the destination copy is not mounted at ${stage.copies}`);
    expect(job.failedReason).toContain('hint: Mount it there.');
    expect(await readdir(stage.copies)).toEqual([]);
    await eventually(async () => expect(await stage.alarms()).toEqual(['upload-failed/copy:shop']));
    await first.stop();

    expect((await stage.prepare()).stdout).toContain('is a destination now');
    expect((await stage.prepare()).stdout).toContain('is a destination already');
    await stage.startWorker();
    await stage.copied(manifest);
    await eventually(async () => expect(await stage.alarms()).toEqual([]));
  });

  it('refutes no receipt: what it confirmed is kept until it is there again', async () => {
    await using stage = await setCopyStage();
    const manifest = await makeDump(stage.folder);
    const first = await stage.startWorker();
    await stage.uploaded(manifest);
    await stage.copied(manifest);
    await first.stop();
    // As an unmount does: the folder is there, and empty.
    const aside = `${stage.copies}.away`;
    await rename(stage.copies, aside);
    await mkdir(stage.copies);

    const second = await stage.startWorker();
    await second.waitForLine(/the destination copy is not mounted/);
    await second.waitForLine(/reconciled/);
    expect((await findDump(stage.folder, manifest.name))?.receipts.has('copy')).toBe(true);
    expect(await readdir(stage.copies)).toEqual([]);
    await second.stop();
    await rename(aside, stage.copies);
    const third = await stage.startWorker();
    await third.waitForLine(/reconciled/);
    await stage.copied(manifest);
  });

  it.skipIf(!canMountTmpfs())('is no place for a marker, where it is on the disk of the backup folder', async () => {
    await using stage = await setUploadStage();
    await using disk = await smallDisk(8 * 1024 * 1024);
    const env = { ...stage.settings, COPY_DIR: disk.path };
    await promisify(execFile)('umount', [disk.path]);
    const refused = await runCli(['prepare'], env);
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is on the same disk as the backup folder'),
    });
    expect(await readdir(disk.path)).toEqual([]);
    await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=0700', 'tmpfs', disk.path]);
    expect(await runCli(['prepare'], env)).toMatchObject({ code: 0 });
    expect(await readdir(disk.path)).toEqual([MARKER]);
    const manifest = await makeDump(stage.folder);
    await stage.startWorker({ COPY_DIR: disk.path });
    expect(await copiedTo(disk.path, stage, manifest)).toMatchObject({ medium: 'other-disk' });
  });
});

describe.skipIf(!hasRedis())('a copy in the folder', () => {
  it.each([
    [
      'overwritten',
      async (path: string) => {
        await using file = await open(path, 'r+');
        await file.write(Buffer.from('x'), 0, 1, 100);
      },
    ],
    ['cut', async (path: string) => writeFile(path, (await readFile(path)).subarray(0, 50))],
    ['moved away', async (path: string) => rename(path, `${path}.away`)],
  ])('that was %s is put there again', async (_how, harm) => {
    await using stage = await setCopyStage();
    const manifest = await makeDump(stage.folder);
    const first = await stage.startWorker();
    await stage.uploaded(manifest);
    const { etag } = await stage.copied(manifest);
    await first.stop();
    const path = join(stage.copies, manifest.name);
    // Its time is kept in seconds.
    await eventually(async () => {
      await harm(path).catch(() => undefined);
      const stats = await stat(path).catch(() => undefined);
      return stats === undefined || `${Math.floor(stats.mtimeMs / 1000)}-${stats.size}` !== etag;
    });

    const second = await stage.startWorker();
    await second.waitForLine(/the store no longer has what it confirmed/);
    await eventually(async () => {
      expect(await readFile(path)).toEqual(await readFile(join(stage.folder, manifest.name)));
    });
    await stage.copied(manifest);
  });

  it("is not put over another stack's dump of the same name, and says so", async () => {
    await using stage = await setCopyStage();
    const manifest = await makeDump(stage.folder);
    const theirs = Buffer.from('a dump of another stack');
    await writeFile(join(stage.copies, manifest.name), theirs);
    await stage.startWorker();
    const { failedReason } = await stage.failedCopy(manifest.name);
    expect(failedReason).toContain(`${stage.copies}/${manifest.name} is taken: something else lies there`);
    expect(await readFile(join(stage.copies, manifest.name))).toEqual(theirs);
  });
});
