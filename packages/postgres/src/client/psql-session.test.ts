import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { testedClients } from '../../testing/tested-clients.ts';
import { PsqlSession, StatementError } from './psql-session.ts';

describe.skipIf(!hasPostgres())('a session', () => {
  let postgres: PostgresServer;
  const { signal } = new AbortController();
  const start = async (env: Record<string, string> = {}, until = signal) => {
    const base = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8', ...postgres.env('postgres'), ...env };
    return PsqlSession.start(await testedClients(), base, until);
  };
  const running = (name: string) =>
    postgres.psql('postgres', `SELECT count(*) FROM pg_stat_activity WHERE application_name = '${name}'`);

  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  test('answers with the values of its rows, whatever stands in them', async () => {
    await using session = await start();
    const text = 'a\nb\t"\\\'Ä\u2028';
    expect(await session.query(`select to_jsonb(t) from (values ('a'), ('b')) v(t)`, z.string())).toEqual(['a', 'b']);
    expect(await session.query(String.raw`select to_jsonb(E'a\nb\t"\\''Ä\u2028'::text)`, z.string())).toEqual([text]);
    expect(await session.query('create temp table t (a int)', z.never())).toEqual([]);
  });

  test('begins once another of its role has ended, where that may have one connection only', async () => {
    await postgres.psql('postgres', `create role lone login connection limit 1 password 'p'`);
    const lone = { PGUSER: 'lone', PGPASSWORD: 'p' };
    const first = await start(lone);
    const second = start(lone);
    // Each of them takes longer than a connection that is refused.
    for (let times = 0; times < 3; times += 1) await running('none');
    await first[Symbol.asyncDispose]();
    await using session = await second;
    expect(await session.query('select to_jsonb(current_user)', z.string())).toEqual(['lone']);
  });

  test('goes on after a statement that fails, and so does its transaction', async () => {
    await using session = await start();
    await session.run('begin');
    await session.run('create temp table t as select 7 as a');
    const fault = await session.run('select a from "no\nsuch" -- ;').catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(StatementError);
    expect(fault).toMatchObject({ sqlState: '42P01', message: 'relation "no\nsuch" does not exist' });
    expect(await session.query('select to_jsonb(a) from t', z.int())).toEqual([7]);
  });

  test.each([
    ['what is no JSON', "select 'no JSON'"],
    ['JSON of another shape', 'select to_jsonb(7)'],
    ['an object in place of a text', `select jsonb_build_object('__proto__', 'x')`],
    ['a line without an end', `select repeat('x', ${65 * 1024 ** 2})`],
  ])('ends, and nothing else does, by an answer that is %s', async (_what, sql) => {
    await using session = await start();
    const answered = session.query(sql, z.string());
    await expect(answered).rejects.toThrow(/answered what is no row of ours/);
    await expect(session.run('select')).rejects.toThrow(/answered what is no row of ours/);
  });

  test('takes one row for what has one, and neither none nor two', async () => {
    await using session = await start();
    expect(await session.queryRow('select to_jsonb(7)', z.int())).toBe(7);
    const from = (rows: number) => session.queryRow(`select to_jsonb(n) from generate_series(1, ${rows}) n`, z.int());
    await expect(from(0)).rejects.toThrow('answered no row where there is one');
    await expect(from(2)).rejects.toThrow('answered 2 rows where there is one');
  });

  test('that nobody lets in says why', async () => {
    await expect(start({ PGPASSWORD: 'wrong' })).rejects.toThrow(/password authentication failed/);
    await expect(start({ PGPORT: '1' })).rejects.toThrow(/Connection refused/);
  });

  test('that the server ends says so, at once and from then on', async () => {
    await using session = await start({ PGAPPNAME: 'ended' });
    const answer = session.run('select to_jsonb(1) from pg_sleep(600)');
    answer.catch(() => undefined);
    await eventually(async () => (await running('ended')) === '1');
    await postgres.psql(
      'postgres',
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ended'`,
    );
    await expect(answer).rejects.toThrow(/terminating connection/);
    await expect(session.run('select')).rejects.toThrow(/terminating connection/);
  });

  test('is ended by its disposal and by its signal, and the statement that runs with it', async () => {
    const controller = new AbortController();
    const name = 'disposed';
    const session = await start({ PGAPPNAME: name });
    const other = await start({ PGAPPNAME: name }, controller.signal);
    const answers = [session, other].map((each) => each.run('select to_jsonb(1) from pg_sleep(600)'));
    for (const answer of answers) answer.catch(() => undefined);
    await eventually(async () => (await running(name)) === '2');
    controller.abort(new Error('enough'));
    await session[Symbol.asyncDispose]();
    await expect(answers[0]).rejects.toThrow(/cancel|ended/);
    await expect(answers[1]).rejects.toThrow(/cancel|ended/);
    await eventually(async () => (await running(name)) === '0');
  });
});
