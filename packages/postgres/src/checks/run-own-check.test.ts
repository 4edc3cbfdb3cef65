import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testedClients } from '../../testing/tested-clients.ts';
import type { Clients } from '../client/client-version.ts';
import { parseOwnChecks } from './parse-own-checks.ts';
import { runOwnCheck } from './run-own-check.ts';

describe.skipIf(!hasPostgres())('a check of a restored database', () => {
  let postgres: PostgresServer;
  let clients: Clients;
  beforeAll(async () => {
    [postgres, clients] = [await startPostgres(), await testedClients()];
    await postgres.createDatabase('shop');
    await postgres.psql(
      'shop',
      `create schema app; create table app.hidden (a int);
       create table orders (id int, total numeric(10, 2)); insert into orders values (1, 10), (2, null);
       create function writes() returns bool language sql as 'insert into orders values (3, 3); select true'`,
    );
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  const run = (text: string, settings: { name: string; value: string }[] = []) =>
    runOwnCheck(parseOwnChecks(text)[0]!, {
      clients,
      env: { PATH: process.env['PATH'] ?? '', ...postgres.env('shop') },
      runAs: [],
      needs: { settings, monetaryLocale: 'C', tablespaces: [] },
      signal: new AbortController().signal,
    });
  const passed = { kind: 'passed' };

  test.each([
    'select count(*) = 2 from orders',
    'select count(*) from orders; -- returns: 2',
    'select total from orders where id = 1; -- returns: 10',
    'select total from orders where id = 2; -- returns: NULL',
    'select id from orders where id > 2; -- returns: no rows',
    `select E'a\\nb', 1 from orders where false; -- returns: no rows`,
    `select 'x' || chr(10) = E'x\\n'`,
    `select 'a b'; -- returns: a b`,
    'with recent as (select * from orders) select count(*) > 0 from recent',
    'values (true)',
    String.raw`select ':ENCODING \! id' <> '' and '$.a' ~ '^\$'`,
  ])('passes: %s', async (text) => {
    expect(await run(text)).toEqual(passed);
  });

  test.each([
    ['select count(*) > 1000 from orders', 'it returns false, and true is wanted'],
    ['select count(*) from orders; -- returns: 3', 'it returns 2, and 3 is wanted'],
    ['select null::bool', 'it returns NULL, and true is wanted'],
    ['select true from orders where id = 9', 'it returns no row, and true is wanted'],
    ['select id from orders; -- returns: no rows', 'it returns rows, and none is wanted'],
    [`select 'a secret'; -- returns: x`, 'it returns another text, and x is wanted'],
    [`select ''; -- returns: x`, 'it returns another text, and x is wanted'],
    ['select count(*) > 0 from nosuch', 'relation "nosuch" does not exist (42P01)'],
    ['select nosuch from orders', 'column "nosuch" does not exist (42703)'],
    ['select nosuch()', 'function nosuch() does not exist (42883)'],
    ['select 1 from nosuch.orders', 'relation "nosuch.orders" does not exist (42P01)'],
  ])('fails: %s', async (text, what) => {
    expect(await run(text)).toEqual({ kind: 'failed', what });
  });

  test.each([
    ['selct true', 'syntax error at or near "selct" (42601)'],
    ['delete from orders', 'syntax error at or near "delete" (42601)'],
    ['with gone as (delete from orders returning 1) select true from gone', expect.stringContaining('0A000')],
    ['select writes()', 'cannot execute INSERT in a read-only transaction (25006)'],
    ['select id from orders', 'it returns several rows, where one is to be compared'],
    ['select 1, 2', 'it returns several columns, where one is to be compared'],
    ['select 1 / 0', 'division by zero (22012)'],
    [`select repeat('x', 5000000)`, 'it returns too much text'],
    ['-- timeout: 1\nselect count(*) > 0 from generate_series(1, 10000000000)', 'it took more than 1 s'],
  ])('cannot be run: %s', async (text, why) => {
    expect(await run(text)).toEqual({ kind: 'cannot-run', why });
    expect(await postgres.psql('shop', 'select count(*) from orders')).toBe('2');
  });

  test('has the settings of its database', async () => {
    const settings = [
      { name: 'search_path', value: 'app, public' },
      { name: 'app.tenant', value: 'acme' },
    ];
    expect(await run(`select count(*) = 0 and current_setting('app.tenant') = 'acme' from hidden`, settings)).toEqual(
      passed,
    );
  });

  test('ends with the server', async () => {
    const ends = run('select pg_terminate_backend(pg_backend_pid())');
    await expect(ends).rejects.toThrow('the scratch server was lost during a check');
  });
});
