import { describe, expect, it } from 'vitest';
import { formatBackupName, type BackupName } from './backup-name.ts';
import { describeRehearsal } from './describe-rehearsal.ts';
import type { Destination } from './destination.ts';
import { manifestSchema, outlineOf, outlineParser, type Manifest } from './manifest.ts';
import { receiptConfirms, receiptSchema, type Receipt } from './receipt.ts';
import { restoreTestSchema, type RestoreTest } from './restore-test.ts';

const name = formatBackupName('shop', new Date('2026-03-01T04:05:06Z'));
const manifest: Manifest = {
  version: 1,
  name,
  database: 'shop',
  takenAt: '2026-03-01T04:05:06.123Z',
  origin: 'dumped',
  recordedAt: '2026-03-01T04:05:07.000Z',
  bytes: 100,
  sha256: 'a'.repeat(64),
  sqlBytes: 1000,
  tables: { 'public.a': 0, 'public."A B"': 7 },
};
const destination: Destination = { name: 's3', endpoint: undefined, bucket: 'mine', prefix: 'p/' };
const receipt: Receipt = {
  version: 1,
  name,
  destination: 's3',
  bucket: 'mine',
  key: `p/${name}`,
  bytes: 100,
  sha256: 'a'.repeat(64),
  confirmedBy: 'etag',
  confirmedAt: '2026-03-01T04:06:00.000Z',
};

/** As records are written. */
const written = (record: object): string => `${JSON.stringify(record, undefined, 2)}\n`;

describe("a manifest's outline", () => {
  const { source, needs } = {
    needs: { settings: [], monetaryLocale: 'C', tablespaces: ['fast'] },
    source: {
      databaseBytes: 1,
      encoding: 'UTF8',
      collate: 'C',
      ctype: 'C',
      extensions: {},
      counted: 'exact' as const,
      tables: { 'public.a': 0 },
      sequences: {},
      largeObjects: 0,
      objects: { 'table public."\n  }"': { columns: '01234567' } },
      schemaSha256: 'b'.repeat(64),
    },
  };
  const whole: Manifest = { ...manifest, roles: ['app'], needs, source, compressor: 'igzip' };
  const parse = (text: string) => outlineParser.safeParse(Buffer.from(text));

  it('has the sum of its rows, and nothing that grows with its tables', () => {
    const { version: _, tables: _tables, ...rest } = manifest;
    expect(outlineOf(whole)).toEqual({ ...rest, compressor: 'igzip', rows: 7 });
    expect(outlineOf({ ...whole, tables: undefined })).toEqual({ ...rest, compressor: 'igzip' });
  });

  it('is the same however the manifest is written', () => {
    const last = { ...whole, compressor: undefined };
    for (const text of [written(whole), JSON.stringify(whole), JSON.stringify(whole, undefined, 4)])
      expect(parse(text).data).toEqual(outlineOf(whole));
    expect(parse(written(last)).data).toEqual(outlineOf(last));
    expect(parse(written(manifest)).data).toEqual(outlineOf(manifest));
  });

  it('is none of a manifest that was cut, or filled with zeros', () => {
    const text = written(whole);
    for (let end = 0; end < text.length - 2; end += 7) expect(() => parse(text.slice(0, end))).toThrow(SyntaxError);
    const at = text.indexOf('"objects"');
    expect(() => parse(`${text.slice(0, at)}${'\0'.repeat(20)}${text.slice(at + 20)}`)).toThrow(SyntaxError);
  });
});

describe('a manifest', () => {
  it('reads what was written', () => {
    expect(manifestSchema.parse(JSON.parse(JSON.stringify(manifest)))).toEqual(manifest);
  });

  it.each<[string, object]>([
    ['an extra field', { ...manifest, note: 'x' }],
    ['another version', { ...manifest, version: 2 }],
    ['a path as name', { ...manifest, name: `${name}/../x` }],
    ['the database of another dump', { ...manifest, database: 'other' }],
    ['no size', { ...manifest, bytes: 0 }],
    ['half a byte', { ...manifest, bytes: 1.5 }],
    ['a size in words', { ...manifest, bytes: '100' }],
    ['a size past what a number holds', { ...manifest, bytes: 2 ** 53 }],
    ['a sha256 in capitals', { ...manifest, sha256: 'A'.repeat(64) }],
    ['a sha256 and a line end', { ...manifest, sha256: `${'a'.repeat(64)}\n` }],
    ['a time without zone', { ...manifest, takenAt: '2026-03-01T04:05:06' }],
    ['the time of another dump', { ...manifest, takenAt: '2026-03-02T04:05:06Z' }],
    ['31 February', { ...manifest, takenAt: '2026-02-31T00:00:00Z' }],
    ['a reason to be suspect that is none', { ...manifest, suspect: {} }],
    ['half a reason to be suspect', { ...manifest, suspect: { percent: 3 } }],
    ['rows below none', { ...manifest, tables: { a: -1 } }],
    ['another origin', { ...manifest, origin: 'found' }],
    ['__proto__ as a field', JSON.parse(JSON.stringify(manifest).replace('{', '{"__proto__":{"x":1},'))],
  ])('with %s is none', (_what, data) => {
    expect(manifestSchema.safeParse(data).success).toBe(false);
    expect(outlineParser.safeParse(Buffer.from(written(data))).success).toBe(false);
  });

  it('may say that it is suspect', () => {
    for (const suspect of [
      { percent: 0, usualSqlBytes: 9 },
      { percent: 90, usualSqlBytes: 9, usualRows: 3 },
      { otherSource: { databaseOid: 16_384, address: 'db:5432', startedAt: '2026-03-01T00:00:00.000000Z' } },
      { percent: 90, usualSqlBytes: 9, usualRows: 300, rows: 3, lostTables: { 'public.a': 250 } },
    ])
      expect(manifestSchema.parse({ ...manifest, suspect })).toEqual({ ...manifest, suspect });
  });

  it('takes a table called __proto__ for nothing more than a name', () => {
    const parsed = manifestSchema.parse(JSON.parse(JSON.stringify(manifest).replace('"public.a"', '"__proto__"')));
    expect(Object.getPrototypeOf(parsed.tables)).toBe(Object.prototype);
  });
});

describe('a restore test', () => {
  const test: RestoreTest = {
    version: 1,
    name,
    destination: 's3',
    sha256: 'a'.repeat(64),
    result: 'bad',
    reason: 'table public.t is missing',
    differences: ['table public.t is missing'],
    differenceCount: 1,
    notes: [],
    testedAt: '2026-03-01T05:00:00.000Z',
    durationMs: 1,
  };

  it('of an earlier version names no findings', () => {
    expect(restoreTestSchema.parse(test)).toEqual(test);
  });

  it('reads what was written', () => {
    const found = { ...test, findings: ['0123456789abcdef'] };
    expect(restoreTestSchema.parse(JSON.parse(JSON.stringify(found)))).toEqual(found);
  });

  it('of an earlier version has no checks and no rehearsal; a later one says how each went', () => {
    expect(describeRehearsal(restoreTestSchema.parse(test).rehearsal)).toEqual([]);
    const rehearsal = { major: 18, result: 'differs', findings: ['view public.v: gone'], findingCount: 3 } as const;
    const later = restoreTestSchema.parse({ ...test, checks: 2, rehearsal });
    expect(later).toEqual({ ...test, checks: 2, rehearsal });
    expect(describeRehearsal(later.rehearsal)).toEqual([
      'upgrade to PostgreSQL 18: 3 things would not survive',
      'upgrade to PostgreSQL 18: view public.v: gone',
      'upgrade to PostgreSQL 18: and 2 more',
    ]);
  });

  it('with a finding that is none is none', () => {
    expect(restoreTestSchema.safeParse({ ...test, findings: ['table public.t'] }).success).toBe(false);
  });
});

describe('a receipt', () => {
  it('reads what was written', () => {
    expect(receiptSchema.parse(JSON.parse(JSON.stringify(receipt)))).toEqual(receipt);
  });

  it.each<[string, object]>([
    ['an extra field', { ...receipt, secret: 'x' }],
    ['a path as destination', { ...receipt, destination: '../s3' }],
    ['no bucket', { ...receipt, bucket: '' }],
    ['an unknown confirmation', { ...receipt, confirmedBy: 'hope' }],
    ['a name that is none', { ...receipt, name: 'backup_a.sql.gz' }],
  ])('with %s is none', (_what, data) => {
    expect(receiptSchema.safeParse(data).success).toBe(false);
  });

  it('may be of a folder, and confirms nothing of another folder or of a bucket', () => {
    const { endpoint: _endpoint, bucket: _bucket, ...rest } = { endpoint: undefined, ...receipt };
    const copied: Receipt = { ...rest, destination: 'copy', folder: '/nas/shop', medium: 'network', key: name };
    const copy: Destination = { name: 'copy', folder: '/nas/shop', prefix: '' };
    expect(receiptSchema.parse(JSON.parse(JSON.stringify(copied)))).toEqual(copied);
    expect(receiptSchema.safeParse({ ...copied, bucket: 'mine' }).success).toBe(false);
    expect(receiptConfirms(copied, manifest, copy)).toBe(true);
    expect(receiptConfirms(copied, manifest, { ...copy, folder: '/nas' })).toBe(false);
    expect(receiptConfirms(copied, manifest, { ...destination, name: 'copy', prefix: '' })).toBe(false);
    expect(receiptConfirms({ ...receipt, destination: 'copy', key: name }, manifest, copy)).toBe(false);
  });

  it('confirms its own dump at its own place', () => {
    expect(receiptConfirms(receipt, manifest, destination)).toBe(true);
  });

  it.each<[string, Partial<Receipt>, Partial<Destination>]>([
    ['another dump', { name: name.replace('shop', 'shop2') as BackupName }, {}],
    ['another content', { sha256: 'b'.repeat(64) }, {}],
    ['another size', { bytes: 101 }, {}],
    ['another destination', { destination: 's4' }, {}],
    ['another key', { key: name }, {}],
    ['a bucket that is no longer the one', {}, { bucket: 'other' }],
    ['a prefix that is no longer the one', {}, { prefix: '' }],
    ['an endpoint that is no longer the one', {}, { endpoint: 'https://s3.example.com' }],
  ])('confirms nothing of %s', (_what, changed, moved) => {
    expect(receiptConfirms({ ...receipt, ...changed }, manifest, { ...destination, ...moved })).toBe(false);
  });
});
