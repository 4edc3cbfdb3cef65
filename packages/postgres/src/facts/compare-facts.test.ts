import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import { describe, expect, it } from 'vitest';
import { compareFacts } from './compare-facts.ts';

const facts = (changes: Partial<DatabaseFacts> = {}): DatabaseFacts => ({
  databaseBytes: 1,
  encoding: 'UTF8',
  collate: 'C',
  ctype: 'C',
  extensions: {},
  counted: 'exact',
  tables: {},
  sequences: {},
  largeObjects: 0,
  objects: {},
  descriptionVersion: 1,
  schemaSha256: '0'.repeat(64),
  ...changes,
});

/** Keys of what differs between a source and what was restored of it, for sources whose digest is never the same. */
function keysOf(source: Partial<DatabaseFacts>, restored: Partial<DatabaseFacts>, dumped?: Record<string, number>) {
  const compared = compareFacts(
    { source: facts({ ...source, schemaSha256: '1'.repeat(64) }), tables: dumped },
    facts(restored),
  );
  return compared.findings.map(({ key }) => key);
}

describe('the key of a finding', () => {
  it('is the same for the same difference, whatever else there is', () => {
    const t = (part?: string) => ({ 'table public.t': { columns: 'aaaaaaaa', ...(part && { triggers: part }) } });
    const first = keysOf({ objects: t('11111111') }, { objects: t() });
    expect(first).toHaveLength(1);
    const later = {
      objects: { ...t('11111111'), 'view public.v': { columns: 'bbbbbbbb' } },
      tables: { 'public.t': 90 },
      extensions: { cube: '1.5' },
    };
    expect(keysOf(later, { ...later, objects: { ...later.objects, ...t() } })).toEqual(first);
  });

  it.each<[string, Parameters<typeof keysOf>, Parameters<typeof keysOf>]>([
    [
      'part of the same object',
      [{ objects: { 'table a': { triggers: '11111111' } } }, { objects: { 'table a': {} } }],
      [{ objects: { 'table a': { policies: '11111111' } } }, { objects: { 'table a': {} } }],
    ],
    [
      'state of the same part at the source',
      [{ objects: { 'table a': { triggers: '11111111' } } }, { objects: { 'table a': {} } }],
      [{ objects: { 'table a': { triggers: '22222222' } } }, { objects: { 'table a': {} } }],
    ],
    [
      'state of the same part where it was restored',
      [{ objects: { 'table a': { columns: '11111111' } } }, { objects: { 'table a': { columns: '22222222' } } }],
      [{ objects: { 'table a': { columns: '11111111' } } }, { objects: { 'table a': { columns: '33333333' } } }],
    ],
    [
      'object that is missing',
      [{ objects: { 'view a': { columns: '11111111' } } }, {}],
      [{ objects: { 'view b': { columns: '11111111' } } }, {}],
    ],
    [
      'form of what is missing',
      [{ objects: { 'view a': { columns: '11111111' } } }, {}],
      [{ objects: { 'view a': { columns: '22222222' } } }, {}],
    ],
    [
      'object that was not at the source',
      [{}, { objects: { 'view a': {} } }],
      [{}, { objects: { 'view a': { columns: '22222222' } } }],
    ],
    ['missing extension', [{ extensions: { cube: '1' } }, {}], [{ extensions: { hstore: '1' } }, {}]],
    [
      'number of rows at the source',
      [{ tables: { a: 7 } }, { tables: { a: 5 } }],
      [{ tables: { a: 8 } }, { tables: { a: 6 } }],
    ],
    ['number of rows in the dump', [{}, { tables: { a: 5 } }, { a: 7 }], [{}, { tables: { a: 5 } }, { a: 8 }]],
    [
      'next value of a sequence',
      [{ sequences: { s: ['5', '5'] } }, { sequences: { s: ['1', '1'] } }],
      [{ sequences: { s: ['6', '6'] } }, { sequences: { s: ['1', '1'] } }],
    ],
    ['number of large objects', [{ largeObjects: 3 }, { largeObjects: 2 }], [{ largeObjects: 4 }, { largeObjects: 3 }]],
  ])('is another one for another %s', (_what, one, other) => {
    const [first, second] = [keysOf(...one), keysOf(...other)];
    expect([first.length, second.length]).toEqual([1, 1]);
    expect(second).not.toEqual(first);
  });

  it('does not depend on the order of the parts', () => {
    const [a, b] = [
      { x: '11111111', y: '22222222' },
      { y: '22222222', x: '11111111' },
    ];
    expect(keysOf({ objects: { 'view v': a } }, {})).toEqual(keysOf({ objects: { 'view v': b } }, {}));
  });
});
