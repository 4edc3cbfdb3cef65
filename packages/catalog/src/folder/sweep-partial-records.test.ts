import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { expect, it } from 'vitest';
import { sweepPartialRecords } from './sweep-partial-records.ts';

it('removes half-written acceptances of both kinds', async () => {
  await using folder = await tempFolder();
  const names = [
    'backup_shop_20260101_000000.sql.gz.accepted.json',
    'accepted_shop_20260101_000000.json',
    'accepted_x.json',
  ];
  const files = names.map((name) => `${name}.0a1b2c3d.partial`);
  for (const file of files) await writeFile(join(folder.path, file), '');
  for (const file of files) await utimes(join(folder.path, file), 0, 0);
  await sweepPartialRecords(folder.path, 'accepted', { info: () => undefined });
  expect(await readdir(folder.path)).toEqual(files.slice(2));
});

it('removes old half-written records of the kind that it is told, and nothing else', async () => {
  await using folder = await tempFolder();
  const dump = 'backup_shop_20260101_000000.sql.gz';
  const files = [
    `${dump}.s3.restore-test.json.0a1b2c3d.partial`,
    `${dump}.s3.receipt.json.0a1b2c3d.partial`,
    `${dump}.partial`,
    'theirs.s3.restore-test.json.0a1b2c3d.partial',
  ];
  const fresh = `${dump}.local.restore-test.json.0a1b2c3d.partial`;
  for (const file of [...files, fresh]) await writeFile(join(folder.path, file), '');
  for (const file of files) await utimes(join(folder.path, file), 0, 0);
  await sweepPartialRecords(folder.path, 'restore-test', { info: () => undefined });
  expect((await readdir(folder.path)).sort()).toEqual([...files.slice(1), fresh].sort());
});
