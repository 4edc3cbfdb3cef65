import { hasPostgres } from '@pgstow/testing/capabilities.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/postgres-server.ts';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DumpTextReader, type DumpText } from './dump-text.ts';

const END = '--\n-- PostgreSQL database dump complete\n--\n\n';
const RESTRICTED = String.raw`\restrict kEy1` + '\n\nselect 1;\n\n';

function read(...chunks: readonly (Buffer | string)[]): DumpText {
  const reader = new DumpTextReader();
  for (const chunk of chunks) reader.push(Buffer.from(chunk));
  return reader.end();
}
const rows = (table: string, ...lines: readonly string[]) =>
  [
    '--',
    `-- Data for Name: x; Type: TABLE DATA; Schema: public; Owner: a`,
    '--',
    '',
    `COPY ${table} FROM stdin;`,
    ...lines,
    '\\.',
    '',
    '',
    '',
  ].join('\n');

describe("a dump's text", () => {
  it.each([
    ['pg_dump ends it', END, true],
    ['it is all there is', END, true],
    ['a comment of --verbose stands before', `-- Completed on 2026-01-01\n\n${END}`, true],
    ['pg_dump locks and unlocks psql', `${RESTRICTED}${END}\\unrestrict kEy1\n\n`, true],
    ['it is locked and never unlocked', RESTRICTED + END, false],
    ['it is unlocked with another key', `${RESTRICTED}${END}\\unrestrict kEy2\n\n`, false],
    ['its key is cut', `${RESTRICTED}${END}\\unrestrict kEy`, false],
    ['it is unlocked and never locked', `${END}\\unrestrict kEy1\n\n`, false],
    ['text follows', `${END}drop table x;\n`, false],
    ['several lines follow', `${END}a\nb\n`, false],
    ['text follows the key', `${RESTRICTED}${END}\\unrestrict kEy1\n\nselect 1;\n`, false],
    ['another dump follows without its end', `${END}--\n-- PostgreSQL database dump\n--\n`, false],
    ['the words stand in a longer line', 'x--\n-- PostgreSQL database dump complete\n--\n\n', false],
    ['there is nothing', '', false],
    ['the end stands among the rows of a table that is cut', `${rows('t (a)').replace('\\.\n', '')}${END}`, false],
  ])('when %s, complete: %3$s', (_what, text, isComplete) => {
    expect(read(text).isComplete).toBe(isComplete);
  });

  it('counts rows under a heading alone', () => {
    expect(read(rows('public.a (x, y)', '1\t2', '3\t4'), rows('public.b (x)'), END)).toMatchObject({
      isComplete: true,
      tables: { 'public.a': 2, 'public.b': 0 },
    });
    expect(read('COPY public.a (x) FROM stdin;\n1\n\\.\n', END).tables).toEqual({});
  });

  it('adds up what a table has in several pieces, as with --load-via-partition-root', () => {
    expect(read(rows('public.a (x)', '1'), rows('public.a (x)', '2', '3'), END).tables).toEqual({ 'public.a': 3 });
  });

  it('takes what looks like a COPY in a text of an INSERT for a text', () => {
    const text = `--\n-- Data for Name: x; Type: TABLE DATA\n--\n\nINSERT INTO public.x VALUES ('\n${rows('public.y (a)', '1').slice(0, -8)}');\n${END}`;
    expect(read(text)).toMatchObject({ isComplete: true, tables: undefined });
  });

  it('takes lines of any length', () => {
    const columns = Array.from({ length: 1600 }, (_, i) => `"${String(i).padStart(4, '0')}${'""'.repeat(59)}"`).join(
      ', ',
    );
    const text = `${'x'.repeat(1_000_000)}\n${rows(`public.wide (${columns})`, '\t'.repeat(1599), 'y'.repeat(2_000_000))}${END}`;
    expect(read(text)).toMatchObject({ isComplete: true, bytes: text.length, tables: { 'public.wide': 2 } });
    expect(inPieces(text, 65_536)).toEqual(read(text));
  });
});

describe.skipIf(!hasPostgres())('a dump of a real server', () => {
  let server: PostgresServer;
  const dump = async (database: string, ...options: readonly string[]): Promise<Buffer> => {
    const { stdout } = await execa(`${server.binDir}/pg_dump`, options, {
      env: { PATH: process.env['PATH'], ...server.env(database) },
      extendEnv: false,
      encoding: 'buffer',
      stripFinalNewline: false,
    });
    return Buffer.from(stdout);
  };

  beforeAll(async () => {
    server = await startPostgres();
    await server.createDatabase('small');
    await server.psql('small', SMALL);
    await server.createDatabase('odd');
    await server.psql('odd', ODD);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it('reads the same wherever it is cut into two', async () => {
    const text = await dump('small');
    const whole = read(text);
    expect(whole).toMatchObject({ isComplete: true, bytes: text.length });
    expect(whole.tables).toMatchObject({ 'public.empty': 0, 'public.t': 3 });
    for (let at = 0; at <= text.length; at += 1) {
      expect(read(text.subarray(0, at), text.subarray(at)), `cut at ${at}`).toEqual(whole);
    }
    expect(inPieces(text, 1)).toEqual(whole);
    expect(inPieces(text, 2)).toEqual(whole);
    expect(inPieces(text, 3)).toEqual(whole);
  });

  it('is incomplete when it was cut, anywhere', async () => {
    const text = await dump('small');
    const last = text.toString().trimEnd().length;
    for (let at = 0; at < last; at += 1) expect(read(text.subarray(0, at)).isComplete, `cut at ${at}`).toBe(false);
    expect(read(text, 'x').isComplete).toBe(false);
    expect(read(text, '\nselect 1;\n').isComplete).toBe(false);
    expect(read(text, text.subarray(0, 200)).isComplete).toBe(false);
  });

  it.each([
    ['as it is', []],
    ['with all names in quotes', ['--quote-all-identifiers']],
    ['with its sections told apart', ['--verbose']],
    ['with data alone and triggers off', ['--data-only', '--disable-triggers']],
    ['with a clean slate', ['--clean', '--if-exists', '--create']],
    ['through partition roots', ['--load-via-partition-root']],
  ])('%s has as many rows as the tables have, and reads the same in any pieces', async (_what, options) => {
    const text = await dump('odd', ...options);
    const whole = read(text);
    expect(whole.isComplete).toBe(true);
    const counted = Object.entries(whole.tables ?? {});
    const throughRoots = options.includes('--load-via-partition-root');
    expect(counted.map(([table]) => table.replaceAll('"', '')).sort()).toEqual(throughRoots ? TABLES_BY_ROOT : TABLES);
    const select = counted.map(([table]) => `select count(*) from ${table};`).join('\n');
    expect(counted.map(([, count]) => String(count))).toEqual((await server.psql('odd', select)).trim().split('\n'));
    let state = 7;
    const random = (below: number) => (state = (Math.imul(state, 48_271) >>> 0) % 2_147_483_647) % below;
    for (let i = 0; i < 6; i += 1) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < text.length;) {
        const size = 1 + random(i === 0 ? 300 : 5000);
        chunks.push(text.subarray(at, at + size));
        at += size;
      }
      expect(read(...chunks)).toEqual(whole);
    }
  });

  it.each([[['--inserts']], [['--column-inserts']], [['--inserts', '--rows-per-insert=100']]])(
    'with %j is complete, and its rows are not counted',
    async (options) => {
      const text = await dump('odd', ...options);
      expect(read(text)).toEqual({ isComplete: true, bytes: text.length, tables: undefined });
      expect(inPieces(text, 7777)).toEqual(read(text));
    },
  );

  it('without data is complete and has no tables', async () => {
    expect(read(await dump('odd', '--schema-only'))).toMatchObject({ isComplete: true, tables: {} });
  });
});

function inPieces(text: Buffer | string, size: number): DumpText {
  const reader = new DumpTextReader();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
  return reader.end();
}

const SMALL = String.raw`
create table empty (a int);
create table t (a text);
insert into t values (E'\\.'), (E'--\n-- PostgreSQL database dump complete\n--\n'), (null);
create function f() returns void language sql as $$ select 1; $$;
`;

const TABLES = [
  'a schema.umläut',
  'public.COPY x FROM stdin;',
  'public.a (b)',
  'public.a (c)',
  'public.dumps',
  'public.empty',
  'public.new\nline FROM stdin;\nx',
  'public.none',
  'public.p1',
  'public.p2',
  'public.quote',
  'public.select',
  'public.wide',
].sort();
const TABLES_BY_ROOT = [...TABLES.filter((table) => !/p[12]$/.test(table)), 'public.parted'].sort();

const ODD = String.raw`
create schema "a schema";
create table "a schema"."umläut" ("größe" text, "日本" int);
insert into "a schema"."umläut" select repeat('ü', i % 7), i from generate_series(1, 1000) i;
create table empty (a int);
create table none ();
insert into none default values; insert into none default values;
create table "select" ("from" int); insert into "select" values (1);
create table "quote""" (a int); alter table "quote""" rename to "quote";
insert into quote select generate_series(1, 3);
create table "a (b)" (x text); insert into "a (b)" values ('1');
create table "a (c)" ("y (z)" text); insert into "a (c)" values ('1'), ('2');
create table "COPY x FROM stdin;" (x text); insert into "COPY x FROM stdin;" values ('1'), ('2'), ('3');
create table "new
line FROM stdin;
x" ("c
d" text); insert into "new
line FROM stdin;
x" values (E'\n\n'), ('b');
create table wide (id serial primary key, t text, b bytea, j jsonb);
insert into wide (t, b, j) select repeat(md5(i::text), i % 50), decode(md5(i::text), 'hex'), '{"a": "\\n"}' from generate_series(1, 2000) i;
create index on wide (t);
comment on table wide is E'\nCOPY public.wide (t) FROM stdin;\n-- Data for Name: no';
create table dumps (line text);
insert into dumps values (E'--\n-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: a\n--\n\nCOPY public.t (a) FROM stdin;\n1'),
  (E'\\.'), (E'\n\\.\n'), ('--'), ('-- PostgreSQL database dump complete'), ('--'), (''), ('COPY public.t (a) FROM stdin;');
create table parted (a int) partition by range (a);
create table p1 partition of parted for values from (0) to (10);
create table p2 partition of parted for values from (10) to (20);
insert into parted select generate_series(0, 19);
create function copies() returns text language sql as $$
select '
COPY public.x (a) FROM stdin;
1
\.
COPY public.y FROM stdin;
'; $$;
create view v as select * from wide;
create materialized view m as select count(*) from wide;
select lo_from_bytea(0, E'\nCOPY public.x FROM stdin;\n'::bytea), lo_from_bytea(0, decode(repeat('ab', 100000), 'hex'));
`;
