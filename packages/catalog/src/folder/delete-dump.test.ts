import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { manifestFileName, withheldManifestFileName } from '@pgstow/shared/contract/manifest.ts';
import { receiptFileName } from '@pgstow/shared/contract/receipt.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { expect, it } from 'vitest';
import { deleteDump } from './delete-dump.ts';

const name = formatBackupName('shop', new Date('2026-01-01T00:00:00Z'));
const other = formatBackupName('shop', new Date('2026-01-01T00:00:01Z'));
const filesOf = (dump: BackupName) => [
  dump,
  manifestFileName(dump),
  receiptFileName(dump, 's3'),
  receiptFileName(dump, 'other'),
];

it('a dump goes with its manifest and its receipts, and nothing else goes', async () => {
  await using folder = await tempFolder();
  for (const file of [...filesOf(name), ...filesOf(other), `${name}.partial`, 'notes.txt'])
    await writeFile(join(folder.path, file), 'x');
  await deleteDump(folder.path, name);
  expect((await readdir(folder.path)).sort()).toEqual([...filesOf(other), `${name}.partial`, 'notes.txt'].sort());
  await deleteDump(folder.path, name);
});

it('its manifest is withheld first: data that cannot be deleted is left without a record, never the other way round', async () => {
  await using folder = await tempFolder();
  for (const file of filesOf(name).slice(1)) await writeFile(join(folder.path, file), 'x');
  // A folder in the place of the data cannot be deleted as a file can, by root neither.
  await mkdir(join(folder.path, name));
  await expect(deleteDump(folder.path, name)).rejects.toThrow(/EISDIR|EPERM/);
  expect((await readdir(folder.path)).sort()).toEqual(
    [name, withheldManifestFileName(name), receiptFileName(name, 's3'), receiptFileName(name, 'other')].sort(),
  );
});

it('a manifest that cannot be withheld keeps its dump', async () => {
  await using folder = await tempFolder();
  await writeFile(join(folder.path, name), 'x');
  await writeFile(join(folder.path, manifestFileName(name)), 'x');
  await mkdir(join(folder.path, withheldManifestFileName(name)));
  await expect(deleteDump(folder.path, name)).rejects.toThrow(/EISDIR|EPERM/);
  expect(await readdir(folder.path)).toContain(name);
});

it('what is not named as a dump is never deleted', async () => {
  await using folder = await tempFolder();
  await writeFile(join(folder.path, 'precious'), 'x');
  for (const wrong of [
    'precious',
    `../../${name}`,
    `${name}/../precious`,
    '',
    '.',
    `${name}\n`,
    manifestFileName(name),
  ]) {
    await expect(deleteDump(folder.path, wrong as BackupName)).rejects.toThrow("not a dump's name");
  }
  expect(await readdir(folder.path)).toEqual(['precious']);
});
