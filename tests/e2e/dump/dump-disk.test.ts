import { spawnSync } from 'node:child_process';
import { chown, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { canMountTmpfs, hasCommand, hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { smallDisk } from '@pgstow/testing/machine/small-disk.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noiseTable, setDumpStage } from '../stage/dump-stage.ts';
import { mainOf } from '../stage/processes/start-app.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';

const MB = 1_000_000;

const asOtherUser = findOtherUser();
if (asOtherUser === undefined) {
  console.warn(
    'skipped: only root can start the worker as a user who may read this checkout and not write to a folder',
  );
}

describe.skipIf(!hasRedis() || !hasPostgres())('the backup folder', { concurrent: true }, () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await startServers({ shop: 'CREATE TABLE t AS SELECT 1 AS a' });
  });
  afterAll(() => servers[Symbol.asyncDispose]());

  describe.skipIf(!canMountTmpfs())('on a disk', () => {
    test('without room for a dump is not even begun to be filled', async () => {
      await using disk = await smallDisk(MB);
      await using stage = await setDumpStage({ ...servers, databases: 'shop', folder: disk.path });
      await stage.startWorker();
      const job = await stage.enqueue('shop');
      expect(await stage.attemptFailed(job)).toMatch(
        /has [\d.]+ MB free, and the dump needs about [\d.]+ MB\nhint: Free some space, or lower BACKUP_KEEP_LAST\./,
      );
      expect(await stage.logOf(job)).not.toMatch(/dumping/);
      expect(await stage.files()).toEqual([]);
      await execa('mount', ['-o', `remount,size=${20 * MB}`, disk.path]);
      await stage.retryNow(job);
      await stage.completed(job);
    });

    test('that fills up half-way is left with nothing but the good dumps that are to be kept', async () => {
      await using disk = await smallDisk(10 * MB);
      await servers.postgres.createDatabase('growing');
      await using stage = await setDumpStage({ ...servers, databases: 'growing', folder: disk.path });
      const before = await stage.startWorker({ BACKUP_KEEP_LAST: '3' });
      await stage.dump('growing');
      await stage.dump('growing');
      const { manifest: newest } = await stage.dump('growing');
      await before.stop();
      expect(await stage.files()).toHaveLength(6);

      await servers.postgres.psql('growing', noiseTable(40));
      await stage.startWorker({ BACKUP_KEEP_LAST: '1' });
      const job = await stage.enqueue('growing');
      expect(await stage.attemptFailed(job)).toBe(
        `the disk of ${disk.path} is full\nhint: Free some space, or lower BACKUP_KEEP_LAST.`,
      );
      expect(await stage.files()).toEqual([newest.name, `${newest.name}.manifest.json`]);
      expect((await stage.logOf(job)).match(/deleted backup_growing_/g)).toHaveLength(2);

      await execa('mount', ['-o', `remount,size=${80 * MB}`, disk.path]);
      await stage.retryNow(job);
      const { manifest } = await stage.completed(job);
      expect(manifest.tables).toEqual({ 'public.noise': 40_000 });
      expect(await stage.files()).toEqual([manifest.name, `${manifest.name}.manifest.json`]);
    });

    test('that is full when the manifest is due keeps no dump without a record', async () => {
      await using disk = await smallDisk(20 * MB);
      // There is room for one more file, the dump itself.
      await execa('mount', ['-o', 'remount,nr_inodes=2', disk.path]);
      await using stage = await setDumpStage({ ...servers, databases: 'shop', folder: disk.path });
      await stage.startWorker();
      const job = await stage.enqueue('shop');
      expect(await stage.attemptFailed(job)).toMatch(/the disk of .* is full\nhint: Free some space/);
      expect(await stage.logOf(job)).toMatch(/proven/);
      expect(await stage.files()).toEqual([]);
      await execa('mount', ['-o', 'remount,nr_inodes=100', disk.path]);
      await stage.retryNow(job);
      await stage.completed(job);
      expect(await stage.files()).toHaveLength(2);
    });

    test('that is read-only is refused at start, and when it becomes so later', async () => {
      await using disk = await smallDisk(20 * MB);
      await using stage = await setDumpStage({ ...servers, databases: 'shop', folder: disk.path });
      const worker = await stage.startWorker();
      await execa('mount', ['-o', 'remount,ro', disk.path]);
      const says = /is on a read-only file system\\?\n?.*hint: Mount it writable/;
      expect(await stage.failed(await stage.enqueue('shop'))).toMatch(says);
      expect(worker.exit).toBeUndefined();

      const second = await stage.launchWorker();
      expect((await second.waitForExit()).code).toBe(1);
      expect(second.tail).toMatch(/is on a read-only file system\\nhint: Mount it writable/);
    });
  });

  test('that is missing is refused at start, and when it goes missing later', async () => {
    await using parent = await tempFolder();
    await using stage = await setDumpStage({
      ...servers,
      databases: 'shop',
      folder: join(parent.path, 'backups'),
    });
    const early = await stage.launchWorker();
    expect((await early.waitForExit()).code).toBe(1);
    expect(early.tail).toMatch(/backups does not exist\\nhint: Create it, or set BACKUP_DIR\./);

    await execa('mkdir', [stage.folder]);
    const worker = await stage.startWorker();
    await rm(stage.folder, { recursive: true });
    expect(await stage.failed(await stage.enqueue('shop'))).toMatch(/backups does not exist\nhint: Create it/);
    expect(worker.exit).toBeUndefined();
  });

  test.skipIf(asOtherUser === undefined)(
    'that the worker may not write to is refused with the command that mends it',
    async () => {
      const { user, args } = asOtherUser!;
      await using folder = await tempFolder('pgstow-dump-', user);
      await using stage = await setDumpStage({ ...servers, databases: 'shop', folder: folder.path });
      const start = () =>
        startProcess({
          command: 'setpriv',
          args: [...args, process.execPath, mainOf('dump-worker')],
          env: stage.settings,
          cwd: '/',
        });
      const says = `cannot write to ${folder.path} as user ${user.uid}:${user.gid}\nhint: Let this user write there: chown -R ${user.uid}:${user.gid} '${folder.path}'`;
      await using worker = await start();
      await worker.waitForLine(/"msg":"ready"/);
      await stage.dump('shop');
      await chown(folder.path, 0, 0);
      expect(await stage.failed(await stage.enqueue('shop'))).toBe(says);
      expect(worker.exit).toBeUndefined();

      await using second = await start();
      expect((await second.waitForExit()).code).toBe(1);
      expect(second.tail).toContain(JSON.stringify(says).slice(1, -1));
    },
  );
});

/** Another user than root, with the arguments by which setpriv runs a program as them, if they may read this checkout. */
function findOtherUser() {
  const user = hasCommand('setpriv') ? unprivilegedUser() : undefined;
  if (user === undefined) return undefined;
  const args = ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups', '--'];
  return spawnSync('setpriv', [...args, 'test', '-r', mainOf('dump-worker')]).status === 0 ? { user, args } : undefined;
}
