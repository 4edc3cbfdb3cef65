import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { writeAcceptance, writeManifest, writePin } from '@pgstow/catalog/folder/write-record.ts';
import { judgeDump } from '@pgstow/catalog/policy/dump-policy.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { describe, expect, it } from 'vitest';
import { runCli } from '../stage/processes/run-cli.ts';
import { BUCKET } from '../stage/settings-of.ts';
import { makeDump, PREFIX, putsOf, setUploadStage, type UploadStage } from '../stage/upload-stage.ts';

const DAY_MS = 86_400_000;
const daysAgo = (days: number): Date => new Date(Math.floor(Date.now() / 1000) * 1000 - days * DAY_MS);
const IDENTITY = { address: 'db.example.com:5432', databaseOid: 5, startedAt: '2026-01-01T00:00:00.000Z' };
const OTHER = { address: 'other.example.com:5432', databaseOid: 6, startedAt: '2025-01-01T00:00:00.000Z' };

async function makeOurs(stage: UploadStage, days: number, more: Partial<Manifest> = {}): Promise<Manifest> {
  const made = await makeDump(stage.folder, { takenAt: daysAgo(days) });
  const manifest = { ...made, identity: IDENTITY, ...more };
  await writeManifest(stage.folder, manifest);
  return manifest;
}

describe.skipIf(!hasRedis())('a lost host', () => {
  it('is recovered from its bucket: records alone come back, and all goes on as before', async () => {
    await using stage = await setUploadStage();
    const [oldest, suspect, newest] = [
      await makeOurs(stage, 3),
      await makeOurs(stage, 2, { suspect: { percent: 1, usualSqlBytes: 9900 } }),
      await makeOurs(stage, 1),
    ];
    const pinnedAt = new Date().toISOString();
    await writePin(stage.folder, { version: 1, name: oldest.name, pinnedAt, reason: 'before the move' });
    const { name, sha256 } = suspect;
    await writeAcceptance(stage.folder, { version: 1, name, sha256, acceptedAt: pinnedAt, reason: 'meant' });
    const foreign = await makeOurs(stage, 5, { identity: OTHER });
    const first = await stage.startWorker();
    for (const manifest of [oldest, suspect, newest, foreign]) await stage.uploaded(manifest);
    await first.waitForLine(/"reconciled"/);
    await first.stop();
    // The words are copied once the backups are there.
    const again = await stage.startWorker();
    await again.waitForLine(/"reconciled"/);
    await again.stop();
    await stage.redis.flush();
    await using folder = await tempFolder();
    const env = { ...stage.settings, BACKUP_DIR: folder.path, POSTGRES_DB: 'shop' };

    const before = stage.proxy.requests.length;
    const dry = await runCli(['recover', '--dry-run'], env);
    expect(dry.stdout).toMatch(/shop +s3 +4 +3/);
    expect(await readdir(folder.path)).toEqual([]);
    const recovered = await runCli(['recover'], env);
    expect(recovered).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('1 of the newest backups of shop at s3 are of another server'),
    });
    const fetched = stage.proxy.requests
      .slice(before)
      .filter(({ method, path }) => method === 'GET' && /\.sql\.gz(\?|$)/.test(path));
    expect(fetched).toEqual([]);
    expect((await readdir(folder.path)).filter((file) => file.endsWith('.sql.gz'))).toEqual([]);

    const listed = await runCli(['list', '--json'], env);
    const { backups } = JSON.parse(listed.stdout) as { backups: readonly Readonly<Record<string, unknown>>[] };
    expect(backups).toMatchObject([
      { name: newest.name, places: ['s3'], state: 'uploaded' },
      { name: suspect.name, places: ['s3'], state: 'uploaded' },
      { name: oldest.name, places: ['s3'], pinned: { reason: 'before the move' } },
      { name: foreign.name },
    ]);
    // The next dump is judged by those before it, and one of another server is suspect.
    const contents = await readFolder(folder.path);
    expect(contents.dumps).toEqual([]);
    const content = { sqlBytes: newest.sqlBytes, tables: { 'public.t': 1 } };
    const options = { takenAt: new Date(), onShrink: 'suspect' } as const;
    const judge = (identity: Manifest['identity']) =>
      judgeDump({ ...content, identity }, contents.elsewhere, [], options).standing.suspect;
    expect(judge(IDENTITY)).toBeUndefined();
    expect(judge(OTHER)).toMatchObject({ otherSource: IDENTITY });

    // Nothing is uploaded twice, and the numbers of the destination hold: the pinned one and what lies nowhere else stay.
    const worker = await stage.startWorker({ BACKUP_DIR: folder.path, S3_KEEP_LAST: '1' });
    await worker.waitForLine(/"reconciled"/);
    for (const each of [oldest, suspect, newest]) expect(putsOf(stage, each.name)).toHaveLength(1);
    const keys = (await stage.s3.listObjects(BUCKET, PREFIX)).map(({ key }) => key);
    for (const each of [oldest, suspect, newest, foreign]) expect(keys).toContain(PREFIX + each.name);
    await worker.stop();

    // What the store has lost since is not said to be there.
    await stage.s3.deleteObject(BUCKET, PREFIX + suspect.name);
    const last = await stage.startWorker({ BACKUP_DIR: folder.path });
    await last.waitForLine(/it is not in the folder, and cannot be uploaded again/);
    await last.waitForLine(/"reconciled"/);
    expect((await readFolder(folder.path)).elsewhere.map(({ manifest }) => manifest.name)).toEqual([
      oldest.name,
      newest.name,
    ]);
  });

  it('has nothing to recover where nothing is configured or there', async () => {
    await using stage = await setUploadStage();
    await using folder = await tempFolder();
    const env = { ...stage.settings, BACKUP_DIR: folder.path, POSTGRES_DB: 'shop' };
    expect(await runCli(['recover'], env)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('no backup lies'),
    });
    expect(await runCli(['recover'], { BACKUP_DIR: folder.path })).toMatchObject({ code: 2 });
    await rm(join(folder.path), { recursive: true });
    expect(await runCli(['recover'], env)).toMatchObject({ code: 1 });
  });
});
