import { expect, test } from 'vitest';
import { OwnChecksError, parseOwnChecks } from './parse-own-checks.ts';

const parse = (text: string) =>
  parseOwnChecks(text).map(({ timeoutMs, ...check }) => ({ ...check, seconds: timeoutMs / 1000 }));

test('a file of plain queries needs nothing more', () => {
  expect(parse('select count(*) > 1000 from orders;\n\nselect count(*) = 0\n  from orders where total < 0')).toEqual([
    {
      name: 'select count(*) > 1000 from orders',
      sql: 'select count(*) > 1000 from orders',
      databases: undefined,
      returns: 'true',
      seconds: 300,
    },
    expect.objectContaining({ name: 'select count(*) = 0 from orders where total < 0' }),
  ]);
});

test('comments name a check, its databases, what it returns and how long it may take', () => {
  const text = `-- Orders of the shop.
-- check: enough orders
-- Database: shop, shop_eu
-- returns: 42
-- timeout: 600
select count(*) from orders; -- counted with care

select id from orders where customer is null; -- returns: no rows
-- check: last
select true`;
  expect(parse(text)).toEqual([
    {
      name: 'enough orders',
      sql: 'select count(*) from orders',
      databases: ['shop', 'shop_eu'],
      returns: '42',
      seconds: 600,
    },
    expect.objectContaining({ databases: undefined, returns: 'no rows', seconds: 300 }),
    expect.objectContaining({ name: 'last', sql: 'select true', returns: 'true' }),
  ]);
});

test.each([
  String.raw`select ';' = ';'`,
  String.raw`select E'it\'s; fine' <> ''`,
  `select 'it''s; fine' <> ''`,
  'select count(*) > 0 from "odd;name"',
  'select $$;$$ = $a$;$a$',
  'select a$b$ from t where $1 = 2',
  'select /* ; /* nested; */ ; */ true',
  `select '--;' <> ''`,
])('a semicolon splits only where it ends a query: %s', (sql) => {
  const checks = parseOwnChecks(`${sql};\nselect false;`);
  expect(checks).toHaveLength(2);
  expect(checks[0]!.sql.replaceAll(/\s+/g, ' ')).toBe(sql.replace(/\/\*.*\*\//, '').replaceAll(/\s+/g, ' '));
});

test.each([
  ['', 'it holds no query'],
  ['-- check: alone', 'it holds no query'],
  [`select true;\nselect 'open`, 'line 2: a quote or a comment that begins there is not closed'],
  ['select /* open', 'line 1: a quote or a comment'],
  ['-- check: a\nselect true;\n-- check: a\nselect false', 'two checks have the name "a"'],
  ['-- timeout: soon\nselect true', 'expected a timeout in seconds'],
  ['-- returns:\nselect true', 'line 2: returns has no value'],
  ['-- check: a\n-- check: b\nselect true', 'check is said twice of one query'],
])('%j is refused with the line', (text, fault) => {
  expect(() => parseOwnChecks(text)).toThrow(OwnChecksError);
  expect(() => parseOwnChecks(text)).toThrow(fault);
});
