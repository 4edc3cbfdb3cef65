import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { deleteDump } from '@pgstow/catalog/folder/delete-dump.ts';
import { writeManifest, writePin } from '@pgstow/catalog/folder/write-record.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { describe, expect, it } from 'vitest';
import { runCli } from '../stage/processes/run-cli.ts';
import { BUCKET } from '../stage/settings-of.ts';
import { makeDump, PREFIX, putsOf, s3Error, setUploadStage, type UploadStage } from '../stage/upload-stage.ts';

const DAY_MS = 86_400_000;
const daysAgo = (days: number): Date => new Date(Math.floor(Date.now() / 1000) * 1000 - days * DAY_MS);
const IDENTITY = { address: 'db.example.com:5432', databaseOid: 5, startedAt: '2026-01-01T00:00:00.000Z' };
const OTHER = { ...IDENTITY, address: 'other.example.com:5432', databaseOid: 6, startedAt: '2025-01-01T00:00:00.000Z' };

/** Makes a dump of a source that its manifest names. */
async function makeOurs(stage: UploadStage, days: number, identity: object = IDENTITY): Promise<Manifest> {
  const manifest = { ...(await makeDump(stage.folder, { takenAt: daysAgo(days) })), identity } as Manifest;
  await writeManifest(stage.folder, manifest);
  return manifest;
}

async function stored(stage: UploadStage): Promise<readonly string[]> {
  const objects = await stage.s3.listObjects(BUCKET, PREFIX);
  return objects.map(({ key }) => key.slice(PREFIX.length)).sort();
}

const deletions = ({ proxy }: UploadStage) => proxy.requests.filter(({ method }) => method === 'DELETE');
const bothOf = (...names: readonly BackupName[]) => names.flatMap((name) => [name, `${name}.manifest.json`]).sort();

describe.skipIf(!hasRedis())('retention at a destination', () => {
  it('deletes there what its own numbers release, puts nothing again, and stays so after a restart', async () => {
    await using stage = await setUploadStage();
    const [oldest, older, newer, newest] = [
      await makeOurs(stage, 4),
      await makeOurs(stage, 3),
      await makeOurs(stage, 2),
      await makeOurs(stage, 1),
    ];
    await writePin(stage.folder, { version: 1, name: older.name, pinnedAt: new Date().toISOString(), reason: 'mine' });
    const first = await stage.startWorker();
    for (const manifest of [oldest, older, newer, newest]) await stage.uploaded(manifest);
    // Without a setting, nothing was asked to be deleted.
    expect(deletions(stage)).toEqual([]);
    await first.stop();

    const env = { S3_KEEP_LAST: '1', REDIS_URL: stage.redis.url };
    const dry = await runCli(['prune', '--dry-run', '--from', 's3', '--json'], { ...stage.settings, ...env });
    expect(JSON.parse(dry.stdout)).toMatchObject({
      verdicts: [
        { place: 's3', name: newest.name, action: 'keep', rule: 'newest' },
        { name: newer.name, action: 'delete', rule: null },
        { name: older.name, action: 'keep', rule: 'pinned', reason: 'it is pinned: mine' },
        { name: oldest.name, action: 'delete' },
      ],
    });
    expect((await stored(stage)).length).toBeGreaterThan(7);

    const second = await stage.startWorker(env);
    await second.waitForLine(/"reconciled"/);
    const left = (await stored(stage)).filter((file) => !file.endsWith('.pinned.json'));
    expect(left).toEqual(bothOf(older.name, newest.name));
    expect((await stage.receiptOf(oldest.name))?.prunedAt).toBeDefined();
    // The folder keeps four, by its own number.
    expect((await readdir(stage.folder)).filter((file) => file.endsWith('.sql.gz'))).toHaveLength(4);
    await second.stop();
    await stage.redis.flush();

    const third = await stage.startWorker(env);
    await third.waitForLine(/"reconciled"/);
    for (const { name } of [oldest, newer]) expect(putsOf(stage, name)).toHaveLength(1);
    expect((await stored(stage)).filter((file) => !file.endsWith('.pinned.json'))).toEqual(left);
  });

  it('keeps what the folder has released already, by day, and leaves alone what is not certainly ours', async () => {
    await using stage = await setUploadStage();
    const days = [5, 4, 3, 2, 1];
    const ours: Manifest[] = [];
    for (const day of days) ours.push(await makeOurs(stage, day));
    const foreign = await makeOurs(stage, 9, OTHER);
    const { identity: _none, ...unnamed } = await makeOurs(stage, 8);
    await writeManifest(stage.folder, unnamed);
    const first = await stage.startWorker();
    for (const manifest of [...ours, foreign, unnamed]) await stage.uploaded(manifest);
    await first.stop();
    // The folder keeps the newest alone.
    await deleteDump(stage.folder, foreign.name, unnamed.name, ...ours.slice(0, -1).map(({ name }) => name));
    await stage.s3.putObject(BUCKET, `${PREFIX}notes.txt`, 'x');
    await stage.s3.putObject(BUCKET, `${PREFIX}backup_shop_20200101_000000.sql.gz`, 'another tool’s');

    const worker = await stage.startWorker({ S3_KEEP_DAILY: '3', TZ: 'Europe/Berlin' });
    await worker.waitForLine(/"reconciled"/);
    expect(await stored(stage)).toEqual(
      [
        'backup_shop_20200101_000000.sql.gz',
        'notes.txt',
        ...bothOf(foreign.name, unnamed.name, ...ours.slice(-3).map(({ name }) => name)),
      ].sort(),
    );
  });

  it('brings a deletion to its end that a crash cut off, and never leaves a dump without its manifest', async () => {
    await using stage = await setUploadStage();
    const [older, newest] = [await makeOurs(stage, 2), await makeOurs(stage, 1)];
    const first = await stage.startWorker();
    for (const manifest of [older, newest]) await stage.uploaded(manifest);
    await first.stop();
    // The store goes away once the dump is deleted.
    await stage.proxy.status(503, {
      body: s3Error('SlowDown'),
      when: ({ method, path }) => method === 'DELETE' && path.includes('.manifest.json'),
    });
    const second = await stage.startWorker({ S3_KEEP_LAST: '1' });
    await second.waitForLine(/could not prune s3/);
    expect(await stored(stage)).toEqual([...bothOf(newest.name), `${older.name}.manifest.json`].sort());
    await second.stop();
    await stage.proxy.pass();

    const third = await stage.startWorker({ S3_KEEP_LAST: '1' });
    await third.waitForLine(/"reconciled"/);
    expect(await stored(stage)).toEqual(bothOf(newest.name));
    expect(putsOf(stage, older.name)).toHaveLength(1);
  });

  it('raises one alarm where the store refuses, keeps the receipt, and does not ask again', async () => {
    await using stage = await setUploadStage();
    const [oldest, older, newest] = [await makeOurs(stage, 3), await makeOurs(stage, 2), await makeOurs(stage, 1)];
    await stage.proxy.status(403, { body: s3Error('AccessDenied'), when: ({ method }) => method === 'DELETE' });
    const worker = await stage.startWorker({ S3_KEEP_LAST: '1' });
    for (const manifest of [oldest, older, newest]) await stage.uploaded(manifest);
    await worker.waitForLine(/alarm raised: Old backups of shop cannot be deleted/);
    const late = await makeOurs(stage, 0.5);
    await worker.stop();
    const asked = deletions(stage).length;
    expect(asked).toBe(1);
    await stage.startWorker();
    await stage.uploaded(late);
    expect(deletions(stage).length).toBe(asked);
    for (const { name } of [oldest, older, newest]) expect(await stage.receiptOf(name)).not.toHaveProperty('prunedAt');
  });

  it('deletes nothing while the folder has a doubt', async () => {
    await using stage = await setUploadStage();
    const [older, newest] = [await makeOurs(stage, 2), await makeOurs(stage, 1)];
    const first = await stage.startWorker();
    for (const manifest of [older, newest]) await stage.uploaded(manifest);
    await first.stop();
    await writeManifest(stage.folder, { ...newest, suspect: { percent: 1, usualSqlBytes: 9900 } });
    await rm(join(stage.folder, `${newest.name}.s3.receipt.json`));
    const second = await stage.startWorker({ S3_KEEP_LAST: '1' });
    await second.waitForLine(/nothing is deleted there: nothing is deleted while the newest/);
    expect(deletions(stage)).toEqual([]);
  });

  it('says that a bucket which keeps versions only hides what is deleted', async () => {
    await using stage = await setUploadStage({ isVersioned: true });
    const [older, newest] = [await makeOurs(stage, 2), await makeOurs(stage, 1)];
    const worker = await stage.startWorker({ S3_KEEP_LAST: '1' });
    await worker.waitForLine(/keeps versions: what pgstow deletes there stays below a delete marker/);
    await eventually(async () => ((await stored(stage)).includes(older.name) ? null : true));
    expect(await stored(stage)).toContain(newest.name);
  });
});
