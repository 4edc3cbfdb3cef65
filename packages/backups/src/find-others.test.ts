import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeManifest } from '@pgstow/catalog/folder/write-record.ts';
import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { manifestFileName, type Manifest } from '@pgstow/shared/contract/manifest.ts';
import { FolderStore } from '@pgstow/store/folder/folder-store.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { expect, it } from 'vitest';
import { findOthers } from './find-others.ts';

const CONTENT = 'dump';
const { signal } = new AbortController();

const manifestAt = (hour: number, databaseOid: number, more: Partial<Manifest> = {}): Manifest => {
  const takenAt = new Date(Date.UTC(2026, 0, 1, hour));
  return {
    version: 1,
    name: formatBackupName('shop', takenAt),
    database: 'shop',
    takenAt: takenAt.toISOString(),
    origin: 'dumped',
    recordedAt: takenAt.toISOString(),
    bytes: CONTENT.length,
    sha256: 'a'.repeat(64),
    sqlBytes: 9,
    identity: { databaseOid, address: `db-${databaseOid}:5432`, startedAt: `2026-01-01 00:00:0${databaseOid}` },
    ...more,
  };
};

it('names another server whose backups lie at a place that two stacks share, and no former one of our own', async () => {
  await using folder = await tempFolder();
  await using copies = await tempFolder();
  await writeFile(join(copies.path, '.pgstow-destination'), '');
  await mkdir(join(copies.path, 'site'));
  const put = async (manifest: Manifest): Promise<Manifest> => {
    await writeFile(join(copies.path, 'site', manifest.name), CONTENT);
    await writeFile(join(copies.path, 'site', manifestFileName(manifest.name)), JSON.stringify(manifest));
    return manifest;
  };
  const former = await put(manifestAt(1, 1));
  const ours = await put(manifestAt(3, 2, { formerSources: [former.identity!] }));
  using store = new FolderStore({
    destination: { name: 'copy', folder: copies.path, prefix: 'site/' },
    timeoutMs: 9000,
  });
  const found = () => findOthers(folder.path, store, ['shop', 'other'], signal);

  expect(await found()).toEqual([]);
  await writeFile(join(folder.path, ours.name), CONTENT);
  await writeManifest(folder.path, ours);
  expect(await found()).toEqual([]);
  const theirs = await put(manifestAt(2, 3));
  expect(await found()).toEqual([{ database: 'shop', server: 'db-3:5432 (database oid 3)', newest: theirs.name }]);
});
