import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { formatBackupName, isBackupName, isEncrypted, parseBackupName } from './backup-name.ts';
import { manifestFileName, sealedManifestFileName } from './manifest.ts';
import { receiptFileName } from './receipt.ts';
import { databaseNameSchema, EVERY_DATABASE, GLOBALS, targetNameSchema } from './target.ts';

const AT = new Date('2026-03-01T04:05:06Z');
const STAMP = '20260301_040506.sql.gz';

describe('a dump and its name', () => {
  it('stands as it is where the database is named with letters, digits, _ and -', () => {
    expect(formatBackupName('shop', AT)).toBe(`backup_shop_${STAMP}`);
    expect(formatBackupName('-Shop_2-eu', AT)).toBe(`backup_-Shop_2-eu_${STAMP}`);
  });

  it('escapes every other byte in a way that a person can read', () => {
    expect(formatBackupName('my db', AT)).toBe(`backup_--my-20db_${STAMP}`);
    expect(formatBackupName('../etc/passwd', AT)).toBe(`backup_---2E-2E-2Fetc-2Fpasswd_${STAMP}`);
    expect(formatBackupName('--file=/x', AT)).toBe(`backup_---2D-2Dfile-3D-2Fx_${STAMP}`);
    expect(formatBackupName('ü', AT)).toBe(`backup_---C3-BC_${STAMP}`);
  });

  it('is all hexadecimal where escapes would make it too long', () => {
    expect(formatBackupName('.'.repeat(58), AT)).toBe(`backup_--${'-2E'.repeat(58)}_${STAMP}`);
    expect(formatBackupName('.'.repeat(59), AT)).toBe(`backup_----${'2E'.repeat(59)}_${STAMP}`);
  });

  it.each([
    'a_20260101_000000',
    '_20260101_000000',
    '20260101_000000',
    'a.sql.gz',
    'backup_a_20260101_000000.sql.gz',
    '-',
    '--',
    '---',
    '----2E',
    '----',
    '__proto__',
    'a\nb',
    'a/../b',
    'host=evil dbname=x',
    'postgresql://evil/x',
    '"quoted"',
    "it's",
    ' ',
    '%2F',
    '\u{1F418}',
  ])('gives back the database %j', (database) => {
    const name = formatBackupName(database, AT);
    expect(name).toMatch(/^[A-Za-z0-9_.-]+$/);
    expect(parseBackupName(name)).toEqual({ database, takenAt: AT });
  });

  it('gives back any database and any second, never as a path, and never too long for a file', () => {
    const random = seeded(1);
    const names = new Map<string, string>();
    for (let i = 0; i < 4000; i += 1) {
      const database = randomDatabase(random);
      const takenAt = new Date(Math.floor(random() * 4e9) * 1000);
      const name = formatBackupName(database, takenAt);
      expect(name).toMatch(/^backup_[A-Za-z0-9_-]+_\d{8}_\d{6}\.sql\.gz$/);
      expect(parseBackupName(name)).toEqual({ database, takenAt });
      const longest = `${receiptFileName(name, 'd'.repeat(16))}.01234567.partial`;
      expect(Buffer.byteLength(longest)).toBeLessThanOrEqual(255);
      expect(Buffer.byteLength(`${manifestFileName(name)}.01234567.partial`)).toBeLessThanOrEqual(255);
      const fixed = formatBackupName(database, AT);
      expect(names.get(fixed) ?? database).toBe(database);
      names.set(fixed, database);
    }
  });

  it('ends with .age where the dump is encrypted, and is another name than without', () => {
    const name = formatBackupName('shop', AT, true);
    expect(name).toBe(`backup_shop_${STAMP}.age`);
    expect(parseBackupName(name)).toEqual({ database: 'shop', takenAt: AT });
    expect([isEncrypted(name), isEncrypted(formatBackupName('shop', AT))]).toEqual([true, false]);
    expect(isEncrypted(formatBackupName('.age', AT))).toBe(false);
  });

  it('of an encrypted dump is never too long for a file either', () => {
    const random = seeded(3);
    for (let i = 0; i < 4000; i += 1) {
      const database = randomDatabase(random);
      const name = formatBackupName(database, AT, true);
      expect(parseBackupName(name)).toEqual({ database, takenAt: AT });
      const records = [receiptFileName(name, 'd'.repeat(16)), sealedManifestFileName(name)];
      for (const record of records) expect(Buffer.byteLength(`${record}.01234567.partial`)).toBeLessThanOrEqual(255);
    }
  });

  it('leaves out parts of a second', () => {
    expect(parseBackupName(formatBackupName('a', new Date('2026-03-01T04:05:06.789Z'))).takenAt).toEqual(AT);
  });

  it('is of the globals, which no database can be named as', () => {
    expect(formatBackupName(GLOBALS, AT)).toBe(`globals_${STAMP}`);
    expect(parseBackupName(`globals_${STAMP}`)).toEqual({ database: GLOBALS, takenAt: AT });
    expect(formatBackupName('globals', AT)).toBe(`backup_globals_${STAMP}`);
    for (const target of [GLOBALS, EVERY_DATABASE]) {
      expect(databaseNameSchema.safeParse(target).success).toBe(false);
      expect(targetNameSchema.safeParse(target).success).toBe(true);
    }
  });

  it('is refused for a time that is none', () => {
    expect(() => formatBackupName('a', new Date(Number.NaN))).toThrow(RangeError);
  });
});

describe('what is not a name of ours', () => {
  it.each([
    ['nothing', ''],
    ['no database', 'backup__20260101_000000.sql.gz'],
    ['globals of 31 February', 'globals_20260231_000000.sql.gz'],
    ['globals of a database', 'globals_a_20260101_000000.sql.gz'],
    [
      'the name of the globals as that of a database',
      'backup_--globals-3A-20roles-2C-20memberships-2C-20tablespaces-20and-20settings-20of-20the-20whole-20server_20260101_000000.sql.gz',
    ],
    ['31 February', 'backup_a_20260231_000000.sql.gz'],
    ['29 February of a common year', 'backup_a_20250229_000000.sql.gz'],
    ['month 13', 'backup_a_20261301_000000.sql.gz'],
    ['hour 24', 'backup_a_20260101_240000.sql.gz'],
    ['a leap second', 'backup_a_20260101_000060.sql.gz'],
    ['lower-case escapes', 'backup_--my-2edb_20260101_000000.sql.gz'],
    ['an escape of what needs none', 'backup_---61_20260101_000000.sql.gz'],
    ['an escaped form of a plain name', 'backup_--shop_20260101_000000.sql.gz'],
    ['hexadecimal where escapes would do', 'backup_----2E_20260101_000000.sql.gz'],
    ['half an escape', 'backup_--a-2_20260101_000000.sql.gz'],
    ['an escape of half a character', 'backup_---C3_20260101_000000.sql.gz'],
    ['a NUL', 'backup_---00_20260101_000000.sql.gz'],
    ['a surrogate', 'backup_---ED-A0-80_20260101_000000.sql.gz'],
    ['an overlong encoding of /', 'backup_---C0-AF_20260101_000000.sql.gz'],
    ['an empty encoding', 'backup_--_20260101_000000.sql.gz'],
    ['a plain name of 64 bytes', `backup_${'a'.repeat(64)}_20260101_000000.sql.gz`],
    ['an encoded name of 64 bytes', `backup_----${'2E'.repeat(64)}_20260101_000000.sql.gz`],
    ['a path behind it', 'backup_a_20260101_000000.sql.gz/../../x'],
    ['a path before it', '../backup_a_20260101_000000.sql.gz'],
    ['a path in it', 'backup_a/b_20260101_000000.sql.gz'],
    ['a backslash', String.raw`backup_a\b_20260101_000000.sql.gz`],
    ['a line end', 'backup_a_20260101_000000.sql.gz\n'],
    ['a line before', 'x\nbackup_a_20260101_000000.sql.gz'],
    ['a NUL behind it', 'backup_a_20260101_000000.sql.gz\0'],
    ['capitals', 'BACKUP_a_20260101_000000.SQL.GZ'],
    ['digits of another script', 'backup_a_٢0260101_000000.sql.gz'],
    ['a letter that looks like one', 'backup_а_20260101_000000.sql.gz'],
    ['no time', 'backup_a_20260101.sql.gz'],
    ['a partial', 'backup_a_20260101_000000.sql.gz.partial'],
    ['a manifest', 'backup_a_20260101_000000.sql.gz.manifest.json'],
    ['another ending', 'backup_a_20260101_000000.sql.gz.gpg'],
    ['encrypted twice', 'backup_a_20260101_000000.sql.gz.age.age'],
    ['ten thousand bytes', `backup_${'a'.repeat(10_000)}_20260101_000000.sql.gz`],
  ])('%s', (_what, name) => {
    expect(parseBackupName(name)).toBeUndefined();
    expect(isBackupName(name)).toBe(false);
  });

  it('one changed character is another name of ours or none, never the same parts', () => {
    const random = seeded(2);
    for (let i = 0; i < 4000; i += 1) {
      const name = formatBackupName(randomDatabase(random), AT);
      const at = Math.floor(random() * name.length);
      const changed = name.slice(0, at) + String.fromCharCode(32 + Math.floor(random() * 95)) + name.slice(at + 1);
      const parts = parseBackupName(changed);
      expect(parts === undefined ? changed : formatBackupName(parts.database, parts.takenAt)).toBe(changed);
    }
  });
});

/** Any name that PostgreSQL takes, awkward ones more often than the world has them. */
function randomDatabase(random: () => number): string {
  const alphabets = ['ab_-', '-.', '/\\ ".\'\n', 'aZ09_-', 'äß中\u{1F418}', '0123456789_', '%=:@#?'];
  const alphabet = Array.from(alphabets[Math.floor(random() * alphabets.length)] ?? 'a');
  const most = 1 + Math.floor(random() * 63);
  let database = random() < 0.2 ? '--' : '';
  for (let i = 0; i < most; i += 1) {
    const next =
      random() < 0.1
        ? String.fromCodePoint(1 + Math.floor(random() * 0xd7_fe))
        : (alphabet[Math.floor(random() * alphabet.length)] ?? 'a');
    if (Buffer.byteLength(database + next) <= 63) database += next;
  }
  return database;
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
