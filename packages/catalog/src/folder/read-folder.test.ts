import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { acceptanceFileName, type Acceptance } from '@pgstow/shared/contract/acceptance.ts';
import { formatBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import {
  manifestFileName,
  outlineOf,
  withheldManifestFileName,
  type Manifest,
} from '@pgstow/shared/contract/manifest.ts';
import { receiptFileName, type Receipt } from '@pgstow/shared/contract/receipt.ts';
import { restoreTestFileName } from '@pgstow/shared/contract/restore-test.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deleteDump } from './delete-dump.ts';
import { isPinned } from './is-pinned.ts';
import { findDump, readFolder } from './read-folder.ts';
import { readVerdicts } from './read-verdicts.ts';
import { removeReceipt, writeAcceptance, writeManifest, writePin, writeReceipt } from './write-record.ts';

const NO_PERIODS = {
  keepPeriods: { hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 },
  timeZone: 'UTC',
} as const;

const CONTENT = 'nine byte';
const nameAt = (second: number, database = 'shop'): BackupName =>
  formatBackupName(database, new Date(Date.UTC(2026, 0, 1, 0, 0, second)));
const manifestOf = (name: BackupName, more: Partial<Manifest> = {}): Manifest => ({
  version: 1,
  name,
  database: 'shop',
  takenAt: '2026-01-01T00:00:00.000Z',
  origin: 'dumped',
  recordedAt: '2026-01-01T00:01:00.000Z',
  bytes: CONTENT.length,
  sha256: 'a'.repeat(64),
  sqlBytes: 99,
  ...more,
});
const receiptOf = (name: BackupName, destination = 's3'): Receipt => ({
  version: 1,
  name,
  destination,
  bucket: 'mine',
  key: name,
  bytes: CONTENT.length,
  sha256: 'a'.repeat(64),
  confirmedBy: 'etag',
  confirmedAt: '2026-01-01T00:02:00.000Z',
});

describe('the backup folder', () => {
  let folder: TempFolder;
  const at = (file: string) => join(folder.path, file);
  const put = async (name: BackupName, more: Partial<Manifest> = {}) => {
    await writeFile(at(name), CONTENT);
    await writeManifest(folder.path, manifestOf(name, more));
  };
  const known = async () => (await readFolder(folder.path)).dumps.map(({ manifest }) => manifest.name);

  /** A dump found by itself, as a reading of the folder has it. */
  const outlined = async (name: BackupName) => {
    const dump = await findDump(folder.path, name);
    return dump && { ...dump, manifest: outlineOf(dump.manifest) };
  };

  beforeEach(async () => {
    folder = await tempFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  it('that is empty has nothing to say, and one that is not there is an error', async () => {
    expect(await readFolder(folder.path)).toEqual({
      dumps: [],
      elsewhere: [],
      strays: [],
      damaged: new Map(),
      refused: new Map(),
      pins: new Map(),
      partials: [],
      faults: [],
    });
    await expect(readFolder(at('missing'))).rejects.toThrow('ENOENT');
  });

  it('holds the dumps with a manifest and their receipts, in the order in which they were taken', async () => {
    await put(nameAt(3), { takenAt: '2026-01-01T00:00:00.500Z' });
    await put(nameAt(1), { takenAt: '2026-01-01T00:00:02Z' });
    await put(nameAt(2), { takenAt: '2026-01-01T00:00:00Z' });
    await put(nameAt(0), { takenAt: '2026-01-01T00:00:00Z' });
    await writeReceipt(folder.path, receiptOf(nameAt(2)));
    await writeReceipt(folder.path, receiptOf(nameAt(2), 'other'));
    const { dumps, strays, partials, faults } = await readFolder(folder.path);
    expect(dumps.map(({ manifest }) => manifest.name)).toEqual([nameAt(0), nameAt(2), nameAt(3), nameAt(1)]);
    expect(dumps[1]?.receipts).toEqual(
      new Map([
        ['s3', receiptOf(nameAt(2))],
        ['other', receiptOf(nameAt(2), 'other')],
      ]),
    );
    expect({ strays, partials, faults }).toEqual({ strays: [], partials: [], faults: [] });
    expect(await outlined(nameAt(2))).toEqual(dumps[1]);
    await removeReceipt(folder.path, receiptOf(nameAt(2)));
    expect([...((await findDump(folder.path, nameAt(2)))?.receipts.keys() ?? [])]).toEqual(['other']);
  });

  it('passes over what is not ours', async () => {
    await writeFile(at('notes.txt'), 'x');
    await writeFile(at('backup_shop_20260231_000000.sql.gz'), 'x');
    await writeFile(at('backup_shop_20260101_000000.sql'), 'x');
    await writeFile(at('backup_shop_20260101_000000.dump.gz.partial'), 'x');
    await writeFile(at('notes.partial'), 'x');
    await writeFile(at('x.receipt.json'), 'x');
    await mkdir(at('lost+found'));
    expect(await readFolder(folder.path)).toEqual({
      dumps: [],
      elsewhere: [],
      strays: [],
      damaged: new Map(),
      refused: new Map(),
      pins: new Map(),
      partials: [],
      faults: [],
    });
  });

  it('tells dumps without a manifest and what is half-written', async () => {
    await writeFile(at(nameAt(1)), CONTENT);
    await writeFile(at(`${nameAt(2)}.partial`), CONTENT);
    await writeFile(at(`${manifestFileName(nameAt(3))}.0a1b2c3d.partial`), CONTENT);
    await writeFile(at(`${receiptFileName(nameAt(3), 's3')}.0a1b2c3d.partial`), CONTENT);
    const { dumps, strays, partials } = await readFolder(folder.path);
    expect(dumps).toEqual([]);
    expect(strays).toEqual([nameAt(1)]);
    expect(partials.length).toBe(3);
  });

  it('knows no dump whose data is not there', async () => {
    await writeManifest(folder.path, manifestOf(nameAt(1)));
    expect(await known()).toEqual([]);
    expect(await findDump(folder.path, nameAt(1))).toBeUndefined();
  });

  it('counts no dump whose size is not the one in its manifest', async () => {
    await put(nameAt(1));
    await writeFile(at(nameAt(1)), 'nine');
    const { dumps, strays, faults } = await readFolder(folder.path);
    expect({ dumps, strays }).toEqual({ dumps: [], strays: [] });
    expect(faults).toEqual([`${nameAt(1)} has 4 bytes where its manifest says 9; it is damaged and does not count`]);
    expect(await findDump(folder.path, nameAt(1))).toBeUndefined();
  });

  it.each<[string, (manifest: string) => string]>([
    ['empty', () => ''],
    ['cut', (manifest) => manifest.slice(0, -20)],
    ['no JSON', () => 'x'],
    ['a list', () => '[]'],
    ['null', () => 'null'],
    ['of another version', (manifest) => manifest.replace('"version": 1', '"version": 2')],
    ['of another dump', (manifest) => manifest.replaceAll(nameAt(1), nameAt(2))],
    ['of another database', (manifest) => manifest.replace('"shop"', '"shop2"')],
    ['longer than it should be', (manifest) => manifest.replace('{', '{"__proto__": {}, ')],
  ])('counts no dump whose manifest is %s, and adopts none', async (_what, damage) => {
    await put(nameAt(1));
    const file = at(manifestFileName(nameAt(1)));
    await writeFile(file, damage(await readFile(file, 'utf8')));
    const { dumps, strays, faults } = await readFolder(folder.path);
    expect({ dumps, strays }).toEqual({ dumps: [], strays: [] });
    expect(faults).toEqual([expect.stringContaining('its dump does not count')]);
  });

  it('does not believe a receipt that is damaged or of another dump', async () => {
    await put(nameAt(1));
    await writeFile(at(receiptFileName(nameAt(1), 's3')), '{');
    await writeFile(at(receiptFileName(nameAt(1), 'other')), JSON.stringify(receiptOf(nameAt(1), 's3')));
    await writeFile(at(`${nameAt(1)}.evil.x.receipt.json`), JSON.stringify(receiptOf(nameAt(1), 's3')));
    const { dumps, faults } = await readFolder(folder.path);
    expect(dumps[0]?.receipts.size).toBe(0);
    expect(faults).toHaveLength(3);
  });

  it('knows which suspect dump a person has accepted, and believes nobody else', async () => {
    const suspect = { percent: 1, usualSqlBytes: 9900 };
    for (const second of [1, 2, 3, 4]) await put(nameAt(second), { suspect });
    const acceptanceOf = (name: BackupName, sha256 = 'a'.repeat(64)): Acceptance => {
      return { version: 1, name, sha256, acceptedAt: '2026-01-01T00:03:00.000Z', reason: 'moved' };
    };
    await writeAcceptance(folder.path, acceptanceOf(nameAt(1)));
    await writeFile(at(acceptanceFileName(nameAt(2))), JSON.stringify(acceptanceOf(nameAt(1))));
    await writeFile(at(acceptanceFileName(nameAt(3))), '{}');
    await writeAcceptance(folder.path, acceptanceOf(nameAt(4), 'b'.repeat(64)));
    await writeFile(at(`${acceptanceFileName(nameAt(4))}.0a1b2c3d.partial`), '{');
    const { dumps, faults, partials } = await readFolder(folder.path);
    expect(dumps.map(({ acceptance }) => acceptance)).toEqual([
      acceptanceOf(nameAt(1)),
      undefined,
      undefined,
      undefined,
    ]);
    expect(faults.toSorted()).toEqual(
      [2, 3].map((second) => `${acceptanceFileName(nameAt(second))} cannot be read; nothing of shop is deleted`),
    );
    expect(partials).toHaveLength(1);
    expect(await outlined(nameAt(1))).toEqual(dumps[0]);
    await deleteDump(folder.path, nameAt(1));
    expect((await readdir(folder.path)).filter((file) => file.startsWith(nameAt(1)))).toEqual([]);
  });

  it.each<[string, (file: string) => Promise<unknown>]>([
    ['empty', (file) => writeFile(file, '')],
    ['cut', (file) => writeFile(file, '{"version": 1, ')],
    ['of a newer version', (file) => writeFile(file, '{"version": 2}')],
    ['a link in a circle, that no system call reads', (file) => symlink(file, file)],
    ['a folder', (file) => mkdir(file)],
  ])('keeps everything while the record of a restore test is %s, and says so', async (_what, damage) => {
    for (const second of [1, 2, 3, 4]) await put(nameAt(second), { takenAt: `2026-01-01T00:00:0${second}Z` });
    const file = restoreTestFileName(nameAt(4), 's3');
    await damage(at(file));
    const { verdicts, frozen, faults } = await readVerdicts(
      folder.path,
      { ...NO_PERIODS, keepLast: 1, destinations: [], isTested: false },
      new Date('2026-01-02T00:00:00Z'),
    );
    expect(verdicts.get('shop')?.map(({ action }) => action)).toEqual(['keep', 'keep', 'keep', 'keep']);
    expect(frozen.get('shop')).toMatchObject({ by: 'unreadable', reason: expect.stringContaining(file) });
    expect(faults).toEqual([`${file} cannot be read; nothing of shop is deleted`]);
  });

  it('keeps everything while the source facts of a kept dump are damaged, which a reading passes over', async () => {
    for (const second of [1, 2, 3, 4]) await put(nameAt(second), { takenAt: `2026-01-01T00:00:0${second}Z` });
    const file = manifestFileName(nameAt(4));
    const manifest = JSON.parse(await readFile(at(file), 'utf8')) as object;
    await writeFile(at(file), JSON.stringify({ ...manifest, source: { tables: 'none' } }, undefined, 2));
    const policy = { ...NO_PERIODS, keepLast: 1, destinations: [], isTested: false };
    const { verdicts, frozen } = await readVerdicts(folder.path, policy, new Date('2026-01-02T00:00:00Z'));
    expect(verdicts.get('shop')?.map(({ action }) => action)).toEqual(['keep', 'keep', 'keep', 'keep']);
    expect(frozen.get('shop')).toMatchObject({ by: 'unreadable', reason: expect.stringContaining(file) });
  });

  it.each<[string, string, () => Promise<unknown>]>([
    ['a manifest is unreadable', manifestFileName(nameAt(4)), () => writeFile(at(manifestFileName(nameAt(4))), '')],
    ['a dump is cut', nameAt(4), () => writeFile(at(nameAt(4)), 'nine')],
  ])('keeps everything while %s: nobody knows what its restore test said', async (_what, file, damage) => {
    for (const second of [1, 2, 3, 4]) await put(nameAt(second), { takenAt: `2026-01-01T00:00:0${second}Z` });
    await damage();
    const policy = { ...NO_PERIODS, keepLast: 1, destinations: [], isTested: false };
    const { verdicts, frozen } = await readVerdicts(folder.path, policy, new Date('2026-01-02T00:00:00Z'));
    expect(verdicts.get('shop')?.map(({ action }) => action)).toEqual(['keep', 'keep', 'keep']);
    expect(frozen.get('shop')).toEqual({
      by: 'unreadable',
      reason: `nothing is deleted while ${file} is damaged or cannot be read`,
    });
  });

  it('knows a manifest that is withheld for no dump as what a crash left', async () => {
    await put(nameAt(1));
    for (const second of [1, 2]) await writeFile(at(withheldManifestFileName(nameAt(second))), '{}');
    const { partials } = await readFolder(folder.path);
    expect(partials).toEqual([withheldManifestFileName(nameAt(2))]);
  });

  it('does not take a dump for absent that it cannot ask for', async () => {
    await writeFile(at('file'), 'x');
    await expect(findDump(at('file'), nameAt(1))).rejects.toThrow('ENOTDIR');
    expect(await findDump(folder.path, nameAt(1))).toBeUndefined();
  });

  it('follows no link and reads no folder, pipe or device', async () => {
    await writeFile(at('precious'), CONTENT);
    await symlink(at('precious'), at(nameAt(1)));
    await writeManifest(folder.path, manifestOf(nameAt(1)));
    await mkdir(at(nameAt(2)));
    execFileSync('mkfifo', [at(nameAt(3))]);
    await writeFile(at(nameAt(4)), CONTENT);
    execFileSync('mkfifo', [at(manifestFileName(nameAt(4)))]);
    await writeFile(at(nameAt(5)), CONTENT);
    await writeFile(at('elsewhere.json'), JSON.stringify(manifestOf(nameAt(5))));
    await symlink(at('elsewhere.json'), at(manifestFileName(nameAt(5))));
    const { dumps, strays, faults } = await readFolder(folder.path);
    expect({ dumps, strays }).toEqual({ dumps: [], strays: [] });
    expect(faults).toHaveLength(5);
    expect(await findDump(folder.path, nameAt(1))).toBeUndefined();
  });

  it('of thousands of files is read in a moment', async () => {
    const day = (i: number) => new Date(Date.UTC(2020, 0, 1 + i));
    const batch = 100;
    for (let from = 0; from < 2000; from += batch) {
      await Promise.all(
        Array.from({ length: batch }, async (_, i) => {
          const takenAt = day(from + i).toISOString();
          const name = formatBackupName('shop', day(from + i));
          await writeFile(at(name), CONTENT);
          await writeFile(at(manifestFileName(name)), JSON.stringify(manifestOf(name, { takenAt })));
          await writeFile(at(receiptFileName(name, 's3')), JSON.stringify(receiptOf(name)));
        }),
      );
    }
    const { dumps } = await readFolder(folder.path);
    expect(dumps).toHaveLength(2000);
    expect(dumps.every(({ receipts }) => receipts.has('s3'))).toBe(true);
  });

  it('has what is said of pins, also of backups that lie elsewhere, and freezes over one that cannot be read', async () => {
    const [here, away, released, unread] = [1, 2, 3, 4].map((day) =>
      formatBackupName('shop', new Date(Date.UTC(2026, 0, day))),
    ) as [BackupName, BackupName, BackupName, BackupName];
    await put(here);
    const pin = { version: 1, pinnedAt: '2026-02-01T00:00:00.000Z', reason: 'kept' } as const;
    await writePin(folder.path, { ...pin, name: here });
    await writePin(folder.path, { ...pin, name: away });
    await writePin(folder.path, { ...pin, name: released, unpinnedAt: '2026-02-02T00:00:00.000Z' });
    const contents = await readFolder(folder.path);
    expect([...contents.pins.keys()].sort()).toEqual([here, away, released]);
    expect(contents.dumps[0]?.pin).toMatchObject({ reason: 'kept' });
    expect([here, away, released].map((name) => isPinned(folder.path, name))).toEqual([true, true, false]);
    await writeFile(join(folder.path, `${unread}.pinned.json`), '{"half');
    expect(isPinned(folder.path, unread)).toBe(true);
    expect(await readFolder(folder.path)).toMatchObject({
      damaged: new Map([['shop', `${unread}.pinned.json`]]),
      faults: [`${unread}.pinned.json cannot be read; nothing of shop is deleted`],
    });
  });
});
