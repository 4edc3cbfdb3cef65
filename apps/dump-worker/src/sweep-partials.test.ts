import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { expect, it } from 'vitest';
import { databaseOfPartial, sweepPartials } from './sweep-partials.ts';

const AT = new Date('2026-01-01T00:00:00Z');

it.each(['shop', 'a_20260101_000000', 'my db', '../x', '.sql.gz.partial', 'a.sql.gz', '.'.repeat(63)])(
  'the partials of a dump and of its manifest are of %j',
  (database) => {
    const name = formatBackupName(database, AT);
    expect(databaseOfPartial(`${name}.partial`)).toBe(database);
    expect(databaseOfPartial(`${name}.manifest.json.0a1b2c3d.partial`)).toBe(database);
    expect(databaseOfPartial(`${name}.manifest.json.withheld.0a1b2c3d.partial`)).toBe(database);
    expect(databaseOfPartial(`${name}.manifest.json.withheld`)).toBe(database);
  },
);

it.each([
  'backup_shop_20260101_000000.sql.gz',
  'backup_shop_20260101_000000.sql.gz.s3.receipt.json.0a1b2c3d.partial',
  'backup_shop_20260101_000000.sql.gz.manifest.json',
  'backup_shop_20260101_000000.sql.gz.manifest.json.partial',
  'backup_shop_20260101_000000.sql.gz.partial.partial',
  'backup_shop_20260231_000000.sql.gz.partial',
  'x/backup_shop_20260101_000000.sql.gz.partial',
  'backup_shop_20260101_000000.sql.gz.partial\n',
  'shop.partial',
  '.partial',
])('%j is none of a dump', (file) => {
  expect(databaseOfPartial(file)).toBeUndefined();
});

it("a sweep takes one database's partials, and nothing that is whole or another's", async () => {
  await using folder = await tempFolder();
  const shop = formatBackupName('shop', AT);
  const shop2 = formatBackupName('shop2', AT);
  const ours = [`${shop}.partial`, `${shop}.manifest.json.0a1b2c3d.partial`];
  const others = [
    shop,
    `${shop}.manifest.json`,
    `${shop}.s3.receipt.json.0a1b2c3d.partial`,
    `${shop2}.partial`,
    'x.partial',
  ];
  for (const file of [...ours, ...others]) await writeFile(join(folder.path, file), 'x');
  await sweepPartials(folder.path, 'shop', createLog('test', 'fatal', String));
  expect((await readdir(folder.path)).sort()).toEqual(others.sort());
});

it('a deletion that a crash cut off after the data is brought to its end', async () => {
  await using folder = await tempFolder();
  const [shop, kept] = [formatBackupName('shop', AT), formatBackupName('shop', new Date(AT.getTime() + 1000))];
  for (const file of [
    `${shop}.manifest.json.withheld`,
    `${shop}.s3.receipt.json`,
    kept,
    `${kept}.manifest.json.withheld`,
  ])
    await writeFile(join(folder.path, file), 'x');
  await sweepPartials(folder.path, 'shop', createLog('test', 'fatal', String));
  expect((await readdir(folder.path)).sort()).toEqual([kept, `${kept}.manifest.json.withheld`]);
});

it('a folder that is named like a partial is not deleted', async () => {
  await using folder = await tempFolder();
  const partial = `${formatBackupName('shop', AT)}.partial`;
  await mkdir(join(folder.path, partial));
  await expect(sweepPartials(folder.path, 'shop', createLog('test', 'fatal', String))).rejects.toThrow(/EISDIR/);
  expect(await readdir(folder.path)).toEqual([partial]);
});
