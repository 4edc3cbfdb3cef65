import { readdir } from 'node:fs/promises';
import { allRecorded, readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { expect, it } from 'vitest';
import { runCli } from '../stage/processes/run-cli.ts';
import { BUCKET } from '../stage/settings-of.ts';
import { setStack } from '../stage/stack.ts';

it.skipIf(!hasRedis() || !hasPostgres())(
  'a stack whose host is lost goes on from its bucket: no dump is taken anew, and the next one counts',
  async () => {
    await using stack = await setStack({ BACKUP_CRON: '0 3 * * *', BACKUP_INTERVAL: '', VERIFY_SCHEDULE: 'off' });
    const first = await Promise.all((['dump-worker', 'upload-worker'] as const).map((app) => stack.start(app)));
    await runCli(['dump', 'shop', '--wait'], stack.settings);
    const [dumped] = (await readFolder(stack.folder)).dumps;
    const name = dumped?.manifest.name ?? '';
    await eventually(async () => (await readFolder(stack.folder)).dumps[0]?.receipts.has('s3') ?? false);
    for (const process of first) await process.stop();
    await stack.redis.flush();

    await using folder = await tempFolder();
    const lost = { ...stack.settings, BACKUP_DIR: folder.path };
    expect(await runCli(['recover'], lost)).toMatchObject({ code: 0, stderr: '' });
    const env = { BACKUP_DIR: folder.path };
    const [dumper] = await Promise.all(
      (['dump-worker', 'upload-worker', 'scheduler'] as const).map((app) => stack.start(app, env)),
    );
    // The schedule is seen for the first time, and asks for a first dump.
    await dumper?.waitForLine(/is there already and serves this job/);
    expect((await readdir(folder.path)).filter((file) => file.endsWith('.sql.gz'))).toEqual([]);

    expect(await runCli(['status'], lost)).toMatchObject({ code: 0 });
    expect(await runCli(['dump', 'shop', '--wait'], lost)).toMatchObject({ code: 0 });
    const contents = await readFolder(folder.path);
    expect(contents.dumps.map(({ manifest }) => manifest.suspect)).toEqual([undefined]);
    expect(allRecorded(contents).map((dump) => dump.manifest.name)).toEqual([name, contents.dumps[0]?.manifest.name]);
    const keys = (await stack.s3.listObjects(BUCKET)).map(({ key }) => key).filter((key) => key.endsWith('.sql.gz'));
    expect(keys).toHaveLength(2);
    const restored = await runCli(['list', '--json'], lost);
    expect(JSON.parse(restored.stdout)).toMatchObject({
      backups: [{ places: ['local', 's3'] }, { name, places: ['s3'], state: 'uploaded' }],
    });
  },
);
