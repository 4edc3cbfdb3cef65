import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFile, chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testedClients } from '../../testing/tested-clients.ts';
import { findClients, type Clients } from '../client/client-version.ts';
import { restoreDump, type RestoreDumpOptions } from './restore-dump.ts';

const END = '\n--\n-- PostgreSQL database dump complete\n--\n\n';
const never = new AbortController().signal;

describe.skipIf(!hasPostgres())('a restore', () => {
  let server: PostgresServer;
  let folder: TempFolder;
  let clients: Clients;
  let dump: string;
  let files = 0;

  beforeAll(async () => {
    [server, folder] = await Promise.all([startPostgres(), tempFolder()]);
    clients = await testedClients();
    await server.createDatabase('source');
    await server.psql('source', SOURCE);
    dump = await pgDump('source');
    await server.createDatabase('target');
    await server.psql('target', "create table kept (a text); insert into kept values ('as it was')");
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const pgDump = async (
    database: string,
    { options = [], program = `${server.binDir}/pg_dump` }: { options?: readonly string[]; program?: string } = {},
  ): Promise<string> => {
    const { stdout } = await execa(program, options, {
      env: { PATH: process.env['PATH'], ...server.env(database) },
      extendEnv: false,
      stripFinalNewline: false,
      encoding: 'latin1',
      maxBuffer: 1e9,
    });
    return stdout;
  };
  const restore = async (sql: string | Buffer, options: Partial<RestoreDumpOptions> = {}) => {
    const path = join(folder.path, `dump-${(files += 1)}`);
    await writeFile(path, typeof sql === 'string' ? gzipSync(Buffer.from(sql, 'latin1'), { level: 1 }) : sql);
    return restoreDump({ clients, env: server.env('target'), path, signal: never, ...options });
  };
  /** Everything that there is in the target. */
  const contents = () =>
    server.psql(
      'target',
      "select string_agg(relname, ',' order by relname) from pg_class where oid >= 16384; table kept",
    );
  let before: string;
  const isUntouched = async () => {
    before ??= await contents();
    expect(await contents()).toBe(before);
  };
  const fresh = async () => {
    const name = `fresh ${(files += 1)}`;
    await server.createDatabase(name);
    return name;
  };

  it.each([[[]], [['--inserts']], [['--rows-per-insert=50']], [['--quote-all-identifiers', '--verbose']]])(
    'with %j gives back what was dumped, large objects and all, and says how much',
    async (options) => {
      const name = await fresh();
      const sql = await pgDump('source', { options });
      const seen: number[] = [];
      const { content, restoreMs } = await restore(sql, {
        env: server.env(name),
        sha256: createHash('sha256')
          .update(gzipSync(Buffer.from(sql, 'latin1'), { level: 1 }))
          .digest('hex'),
        before: "create table public.first as select 'größe'::text as a;",
        onProgress: (bytes) => seen.push(bytes),
      });
      expect(content).toMatchObject({ sqlBytes: sql.length });
      expect(restoreMs).toBeGreaterThan(0);
      expect(seen.at(-1)).toBeGreaterThan(0);
      expect(await server.psql(name, 'table first; drop table first')).toBe('größe');
      const without = (dump: string) => dump.replaceAll(/^\\(?:un)?restrict .*$/gm, '');
      expect(without(await pgDump(name))).toBe(without(dump));
    },
  );

  it('of a dump by a newer pg_dump gives it back in the older server', async () => {
    const newer = (await findClients()).find(({ major }) => major > server.major);
    const sql =
      newer === undefined
        ? dump.replace('\nSET row_security = off;', '\nSET transaction_timeout = 0;\nSET row_security = off;')
        : await pgDump('source', { program: `${newer.folder}/pg_dump` });
    expect(sql).toContain('\nSET transaction_timeout = 0;\n');
    const name = await fresh();
    await restore(sql, { clients: newer ?? clients, env: server.env(name) });
    const without = (text: string) => text.replaceAll(/^\\(?:un)?restrict .*$/gm, '');
    expect(without(await pgDump(name))).toBe(without(dump));
  });

  it('of a dump that was cut at any of 50 places leaves the target untouched', async () => {
    const last = dump.trimEnd().length;
    const cuts = Array.from({ length: 50 }, (_, i) => Math.floor((last * (i + 0.5)) / 50));
    // Where a cut hurts most: amid rows, behind the end of a transaction of the dump's own, before the last line.
    cuts.push(dump.indexOf('\nCOMMIT;\n') + '\nCOMMIT;\n'.length, dump.indexOf('\nCOMMIT;\n') + '\nCOMMIT'.length);
    cuts.push(dump.indexOf('FROM stdin;\n') + 50, last - 1);
    for (const at of cuts) await expect(restore(dump.slice(0, at)), `cut at ${at}`).rejects.toThrow(/completion line/);
    await isUntouched();
  });

  it('of a damaged file leaves the target untouched', async () => {
    const gz = gzipSync(Buffer.from(dump, 'latin1'));
    const flipped = Buffer.from(gz);
    flipped[gz.length >> 1]! ^= 4;
    await expect(restore(flipped)).rejects.toMatchObject({ name: 'RestoreError' });
    await expect(restore(gz.subarray(0, -9))).rejects.toThrow('does not decompress whole');
    await expect(restore(Buffer.concat([gz, gz]))).rejects.toMatchObject({ name: 'RestoreError' });
    await expect(restore(Buffer.concat([gz, Buffer.from('x')]))).rejects.toMatchObject({ name: 'RestoreError' });
    await expect(restore(Buffer.from('no gzip'))).rejects.toThrow('does not decompress');
    await expect(restore(gz, { sha256: '0'.repeat(64) })).rejects.toThrow('sha256');
    await expect(restore('')).rejects.toThrow('completion line');
    await expect(restore(gz, { path: join(folder.path, 'missing') })).rejects.toThrow('ENOENT');
    await isUntouched();
  });

  it('that fails says where, why, and what to do, and leaves the target untouched', async () => {
    const table = '--\n-- Name: t; Type: TABLE; Schema: public; Owner: a\n--\n\n';
    const data = '--\n-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: a\n--\n\n';
    const good = `${table}create table public.t (a int primary key);\n${data}COPY public.t (a) FROM stdin;\n1\n2\n`;
    await expect(restore(`${good}2\n\\.\n${END}`)).rejects.toMatchObject({
      name: 'RestoreError',
      sqlState: '23505',
      object: 'public.t',
      message:
        'public.t, row 3: duplicate key value violates unique constraint "t_pkey" (23505)\ndetail: Key (a)=(2) already exists.',
    });
    await expect(restore(`${good}x\n\\.\n${END}`)).rejects.toThrow(
      't, row 3: invalid input syntax for type integer: "x" (22P02)',
    );
    const owned = `${good}\\.\n${table.replace('t; Type: TABLE;', 'f(integer); Type: FUNCTION;')}\nalter table public.t\n owner to nobody_at_all;\n`;
    await expect(restore(owned + END)).rejects.toMatchObject({
      sqlState: '42704',
      message: 'function public.f(integer): role "nobody_at_all" does not exist (42704)',
      hint: expect.stringContaining('NOLOGIN'),
    });
    await expect(restore(`create table kept ();\n${END}`)).rejects.toMatchObject({
      hint: expect.stringMatching(/^The target is not empty/),
    });
    await expect(restore(`set later_timeout = 0;\n${END}`)).rejects.toMatchObject({
      hint: expect.stringContaining('newer pg_dump'),
    });
    await expect(restore(`create extension nosuch;\n${END}`)).rejects.toMatchObject({
      hint: 'Install the extension on the target server.',
    });
    // Found only by the COMMIT.
    const deferred = `create table d (a int references d deferrable initially deferred, b int primary key);\n`.replace(
      'a int references d',
      'a int references d (b)',
    );
    await expect(restore(`${deferred}insert into d values (1, 2);\n${END}`)).rejects.toMatchObject({
      sqlState: '23503',
    });
    await expect(restore(END, { before: 'select nosuch;' })).rejects.toThrow(
      'before the dump itself: column "nosuch" does not exist (42703)',
    );
    await expect(restore(END, { env: { ...server.env('target'), PGDATABASE: 'nosuch' } })).rejects.toThrow(
      'database "nosuch" does not exist',
    );
    await isUntouched();
  });

  it.each([
    ['at the beginning of a line', '\\! touch OUT\n'],
    ['amid a line', 'select 1 \\! touch OUT\n'],
    ['behind a string', "select 'a\nb' \\g |touch OUT\n"],
    ['as another lock', '\\restrict `touch OUT`\n'],
    ['as another key', '\\unrestrict `touch OUT`\n'],
    ['as rows without a heading', 'create table x (a text);\nCOPY x FROM stdin;\n\\.\n\\! touch OUT\n'],
    ['as another database', '\\connect postgres\n\\! touch OUT\n'],
    ['as a statement that is never finished', 'select 1\n\\! touch OUT'],
  ])('runs no command that the dump holds %s', async (_what, command) => {
    const out = join(folder.path, 'ran');
    const line = command.replace('OUT', out);
    for (const text of [dump.replace('\n\n--\n-- Name: ', `\n${line}\n\n--\n-- Name: `), line + END]) {
      await expect(restore(text)).rejects.toThrow(/the dump (?:holds a command for psql|connects)|completion line/);
    }
    expect(spawnSync('ls', [out]).status).not.toBe(0);
    await isUntouched();
  });

  it('notices that a dump ended its transaction', async () => {
    await expect(restore(`create temporary table t ();\nCOMMIT ;\nBEGIN;\n${END}`)).rejects.toThrow(
      'the dump has ended the transaction of the restore',
    );
    await isUntouched();
  });

  it('that is given up commits nothing, whatever it is at', async () => {
    await expect(restore(dump, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
    for (const sql of ['select pg_sleep(600);\n', '']) {
      const given = new AbortController();
      const restoring = restore(`create table t ();\n${sql}${dump}`, {
        signal: given.signal,
        ...(sql === '' ? { onProgress: () => given.abort(new Error('enough')) } : {}),
      });
      if (sql !== '') {
        await eventually(async () => (await activity()).includes('pg_sleep'));
        given.abort(new Error('enough'));
      }
      await expect(restoring).rejects.toThrow('enough');
      await eventually(async () => (await activity()) === '');
    }
    await isUntouched();
  });
  const activity = () =>
    server.psql('postgres', "select string_agg(query, ',') from pg_stat_activity where datname = 'target'");

  it('whose connection breaks says so, and that nothing was changed', async () => {
    const restoring = restore(`create table t ();\nselect pg_sleep(600);\n${dump}`);
    restoring.catch(() => undefined);
    await eventually(async () => (await activity()).includes('pg_sleep'));
    await server.psql('postgres', "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'target'");
    await expect(restoring).rejects.toMatchObject({
      name: 'RetryableError',
      message: expect.stringMatching(/^the server ended the restore: 57P01 /),
    });
    await isUntouched();
  });

  it('whose connection breaks amid the commit says that nobody knows', async () => {
    const name = await fresh();
    const slow = `create table t (a int);
create function slow() returns trigger language plpgsql as $$begin perform pg_sleep(600); return new; end$$;
create constraint trigger slow after insert on t deferrable initially deferred for each row execute function slow();
insert into t values (1);\n`;
    const restoring = restore(slow + END, { env: server.env(name) });
    restoring.catch(() => undefined);
    await eventually(async () =>
      (await server.psql('postgres', 'select query from pg_stat_activity')).includes('COMMIT'),
    );
    await server.psql('postgres', "select pg_terminate_backend(pid) from pg_stat_activity where query like 'COMMIT%'");
    await expect(restoring).rejects.toMatchObject({ name: 'OutcomeUnknownError' });
  });

  it('with too old a psql is refused before anything is touched', async () => {
    await using old = await tempFolder();
    const psql = join(old.path, 'psql');
    await writeFile(
      psql,
      `#!/bin/sh\n[ "$1" = --version ] || touch "${old.path}/ran"\necho 'psql (PostgreSQL) 15.13'\n`,
    );
    await chmod(psql, 0o755);
    await expect(restore(dump, { clients: { ...clients, folder: old.path } })).rejects.toMatchObject({
      message: String.raw`psql 15.13 is too old for this dump: it does not know \restrict`,
    });
    expect(spawnSync('ls', [join(old.path, 'ran')]).status).not.toBe(0);
    await appendFile(psql, 'exit 1\n');
    await expect(restore(dump, { clients: { ...clients, folder: old.path } })).rejects.toThrow('does not say which');
  });
});

const SOURCE = String.raw`
create table big (id bigint generated always as identity primary key, t text);
insert into big (t) select repeat(md5(i::text), 20) from generate_series(1, 3000) i;
create table texts (t text);
insert into texts values (E'BEGIN;'), ('COMMIT;'), (E'\\.'), (E'\nCOMMIT;\n\\! id\n'), (E'\\restrict x');
create function f() returns text language sql as $$
select '
BEGIN;
COMMIT;
\! id
'; $$;
create function atomic() returns int language sql begin atomic select 1; select 2; end;
comment on table texts is E'\nBEGIN;\nCOMMIT;\n\\! id\n';
create table "odd
COMMIT;
name" ("a
BEGIN;
" text); insert into "odd
COMMIT;
name" values ('x');
select lo_from_bytea(0, E'\nCOMMIT;\n'::bytea), lo_from_bytea(0, decode(repeat('27', 50000), 'hex'));
`;
