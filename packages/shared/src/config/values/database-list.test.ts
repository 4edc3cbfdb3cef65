import { describe, expect, it } from 'vitest';
import { isListed, parseDatabaseList } from './database-list.ts';

const parse = (list: string) => {
  const faults: string[] = [];
  return { ...parseDatabaseList(list, (fault) => faults.push(fault)), faults };
};

describe('a list of databases', () => {
  it.each<[string, string[]]>([
    ['shop', ['shop']],
    ['shop,stock', ['shop', 'stock']],
    [' shop , stock ', ['shop', 'stock']],
    ['shop,', ['shop']],
    [',,shop,,stock,,', ['shop', 'stock']],
    ['my db', ['my db']],
    ['"my db"', ['my db']],
    ['"a,b", c', ['a,b', 'c']],
    ['" a "', [' a ']],
    ['"say ""hi"""', ['say "hi"']],
    ['a"b', ['a"b']],
    ['--file=/x', ['--file=/x']],
    ['../../etc', ['../../etc']],
    ['Shop,shop', ['Shop', 'shop']],
    ['"a\nb"', ['a\nb']],
    ["it's, o'k", ["it's", "o'k"]],
  ])('%j', (list, names) => {
    expect(parse(list)).toEqual({ names, patterns: [], faults: [] });
  });

  it('tells patterns from names, which may hold a * in quotes', () => {
    expect(parse('*, app_*,"a*",b?')).toEqual({ names: ['a*', 'b?'], patterns: ['*', 'app_*'], faults: [] });
    expect(parseDatabaseList('b?,c', () => undefined, 'with * or ?')).toEqual({ names: ['c'], patterns: ['b?'] });
    expect(parse('*,*').faults).toEqual(['"*" is named twice']);
  });

  it.each([
    ['*', ['', 'a', 'a\nb', '\u{1F418}', '*'], []],
    ['app_*', ['app_', 'app_1', 'app_*'], ['app', 'my app_1', 'App_1']],
    ['a?c', ['abc', 'a?c', 'a\u{1F418}c', 'a\nc'], ['ac', 'abbc']],
    ['*.(x)[y]{2}\\|^$+', ['z.(x)[y]{2}\\|^$+'], ['zx', '.(x)[y]{2}\\|^$']],
  ])('the pattern %j is whole names', (pattern, its, others) => {
    const list = { names: [], patterns: [pattern] };
    expect(its.filter((name) => !isListed(name, list))).toEqual([]);
    expect(others.filter((name) => isListed(name, list))).toEqual([]);
    expect(isListed(pattern, { names: [pattern], patterns: [] })).toBe(true);
  });

  it.each([
    ['"open', 'ends with its quote'],
    ['"a"b', 'ends with its quote'],
    ['a,"b" c', 'ends with its quote'],
    ['""', 'at least one character'],
    ['a'.repeat(64), 'at most 63 bytes'],
    ['ü'.repeat(32), 'at most 63 bytes'],
    ['a,b,a', '"a" is named twice'],
    ['a,"a"', '"a" is named twice'],
    [',', 'names no database'],
    ['  ', 'names no database'],
  ])('%j is a fault', (list, fault) => {
    expect(parse(list).faults.join()).toContain(fault);
  });

  it('gives back any names that are quoted as SQL quotes them', () => {
    const characters = ['a', 'B', '"', ',', ' ', '\n', 'ü', '\\', "'", '-'];
    let state = 1;
    const random = (below: number) => (state = (Math.imul(state, 48_271) >>> 0) % 2_147_483_647) % below;
    for (let i = 0; i < 500; i += 1) {
      const names = new Set<string>();
      for (let count = 1 + random(4); count > 0; count -= 1) {
        names.add(Array.from({ length: 1 + random(8) }, () => characters[random(characters.length)]).join(''));
      }
      const list = [...names].map((name) => `"${name.replaceAll('"', '""')}"`).join(random(2) === 0 ? ',' : ' , ');
      expect(parse(list)).toEqual({ names: [...names], patterns: [], faults: [] });
    }
  });
});
