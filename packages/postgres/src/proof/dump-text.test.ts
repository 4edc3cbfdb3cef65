import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
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
    expect(read(text)).toMatchObject({ isComplete: true, sqlBytes: text.length, tables: { 'public.wide': 2 } });
    expect(inPieces(text, 65_536)).toEqual(read(text));
  });
});

describe('what looks like a COPY', () => {
  const forged = rows('public.fake (a)').replace('\\.\n', '');
  const real = rows('public.a (x)', `it's`, '$$ " /* --', '1') + rows('"b\n$$\'--\nx" ("c\n", "d")', '1');
  const tables = { 'public.a': 3, '"b\n$$\'--\nx"': 1 };

  it.each([
    ['a function in $$', `CREATE FUNCTION f() AS $$\n${forged}$$;\n`],
    ['a function in a tag', `CREATE FUNCTION f() AS $_X$ $_$ $1 '\n${forged}$_X$;\n`],
    ['a function in quotes', `CREATE FUNCTION f() AS '\n''${forged}''';\n`],
    ['a comment', `COMMENT ON INDEX public.i IS '"it''s $$\n${forged}';\n`],
    ['an escaping string', String.raw`SELECT E'it\'s` + `\n${forged}\\\\';\n`],
    ['a name', `CREATE TABLE public."x''\n${forged.replaceAll('"', '')}" (a int);\n`],
    ['a comment of several lines', `/* /* */ it's\n${forged}*/\n`],
    [
      'a string, behind a heading with a quote',
      `--\n-- Name: it's "a $$ /*; Type: TABLE\n--\n\nSELECT '\n${forged}';\n`,
    ],
    ['a string, behind a command', `\\connect -reuse-previous=on "dbname='it\\'s'\n\nSELECT '\n${forged}';\n`],
    ['a string that ends with a backslash', `SELECT '\n${forged}\\';\n`],
    ['a long line', `SELECT '${'x'.repeat(300_000)}\n${forged}${'y'.repeat(600_000)}';\n`],
    ['a long function', `AS $_$${'$x'.repeat(150_000)}\n${forged}${'$'.repeat(600_000)}$_$;\n`],
  ])('in %s is none, wherever it is cut', (_what, text) => {
    const around = text + real + text + END;
    const whole = read(around);
    expect(whole).toMatchObject({ isComplete: true, sqlBytes: Buffer.byteLength(around), tables });
    const step = around.length < 10_000 ? 1 : 100_003;
    for (let at = 0; at <= around.length; at += step) {
      expect(read(around.slice(0, at), around.slice(at)), `cut at ${at}`).toEqual(whole);
    }
    for (const size of around.length < 10_000 ? [1, 2, 3, 7] : [1000, 65_536, 262_143, 262_144, 262_145]) {
      expect(inPieces(around, size), `in pieces of ${size}`).toEqual(whole);
    }
  });

  it.each([
    ['$_$', '$_$'],
    ["E'", "\\''"],
    ["'", "'''"],
    ['"', '"""'],
    ['/*', '/**/*/'],
  ])('in a line that is cut amid its %s and %s is none', (opener, closer) => {
    const head = `SELECT ${'x'.repeat(300_000)} ${opener}`;
    const body = `${head}${'y'.repeat(300_000)}${closer}`;
    const text = `${body} ${opener}\n${forged}${closer};\n${real}${END}`;
    for (let shift = -5; shift <= 2; shift += 1) {
      const pieces = [0, head.length + shift, body.length + shift].map((at, i, cuts) => text.slice(at, cuts[i + 1]));
      expect(read(...pieces), `cut at ${shift}`).toMatchObject({ isComplete: true, tables });
    }
    expect(read(text)).toMatchObject({ isComplete: true, tables });
  });

  it('is none in a string with a backslash where the dump says that it escapes', () => {
    const text = String.raw`SELECT 'it\'s` + `\n${forged}';\n${real}${END}`;
    expect(read(`SET standard_conforming_strings = off;\n${text}`)).toMatchObject({ isComplete: true, tables });
    expect(read(`SET standard_conforming_strings = on;\n${text}`).tables).not.toEqual(tables);
  });

  it('leaves the dump whole if it seems open and yet ends with its key, and then nothing is known of its tables', () => {
    const unlocked = `${END}\\unrestrict kEy1\n\n`;
    const openRows = rows('public.open (a)').replace('\\.\n', '');
    const openText = "SELECT '\n";
    // Rows that end in pg_dump's last words may be a dump that was cut among them; a text that is not closed is our misreading.
    expect(read(real, openRows, END)).toMatchObject({ isComplete: false });
    expect(read(real, openText, END)).toMatchObject({ isComplete: true, tables: undefined });
    for (const open of [openRows, openText]) {
      expect(read(RESTRICTED, real, open, END)).toMatchObject({ isComplete: false });
      const text = RESTRICTED + real + open + unlocked;
      expect(read(text)).toMatchObject({ isComplete: true, sqlBytes: text.length, tables: undefined });
      expect(read(real + open + unlocked)).toMatchObject({ isComplete: false });
    }
    expect(read(RESTRICTED, real, unlocked)).toMatchObject({ isComplete: true, tables });
  });

  it('may follow an INSERT of any length', () => {
    const text = `${rows('x', '').split('COPY')[0]}INSERT INTO public.x VALUES ('${'y'.repeat(1_000_000)}');\n${real}${END}`;
    expect(read(text)).toMatchObject({ isComplete: true, tables: undefined });
    expect(inPieces(text, 4096)).toEqual(read(text));
  });
});

describe("a table's name", () => {
  const inEncoding = (encoding: string, ...names: readonly string[]) =>
    read(
      `SET statement_timeout = 0;\nSET client_encoding = '${encoding}';\n`,
      ...names.map((name) => Buffer.from(rows(`public."${name}" (x)`, '1'), 'latin1')),
      END,
    ).tables;

  it('is decoded by the encoding of the dump', () => {
    expect(inEncoding('LATIN1', 'Gr\u00F6\u00DFe', 'Gr\u00FC\u00DFe')).toEqual({
      'public."Größe"': 1,
      'public."Grüße"': 1,
    });
    expect(inEncoding('LATIN9', '\u00A4')).toEqual({ 'public."€"': 1 });
    expect(inEncoding('UTF8', '\u00C3\u00B6')).toEqual({ 'public."ö"': 1 });
    expect(inEncoding('EUC_JP', '\u00C6\u00FC')).toEqual({ 'public."日"': 1 });
  });

  it('keeps the rows from being told by table if it does not decode', () => {
    expect(inEncoding('UTF8', 'a', 'Gr\u00F6\u00DFe')).toBeUndefined();
    expect(inEncoding('SQL_ASCII', 'Gr\u00F6\u00DFe')).toBeUndefined();
    expect(inEncoding('EUC_TW', 'a')).toBeUndefined();
  });

  it('keeps the rows from being told by table if another comes out the same', () => {
    // Both are U+2252 there.
    expect(inEncoding('EUC_JP', '\u00A2\u00E2', '\u00AD\u00F0')).toBeUndefined();
    expect(inEncoding('EUC_JP', '\u00A2\u00E2')).toEqual({ 'public."≒"': 1 });
  });
});

describe('what a dump says of the server it is of', () => {
  it('is the version that pg_dump names before all else', () => {
    const comment =
      '-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)\n-- Dumped by pg_dump version 16.1\n';
    expect(read(`--\n${comment}\nSET a = 1;\n${END}`).serverVersion).toBe('15.18 (Debian 15.18-0+deb12u1)');
    expect(read(`--\n\nSET a = 1;\n${comment}${END}`).serverVersion).toBeUndefined();
    expect(read(`SELECT '\n${comment}';\n${END}`).serverVersion).toBeUndefined();
  });
});

describe('the roles that a dump names', () => {
  const text = (name: string) =>
    `SET x = 1;\nSET client_encoding = 'LATIN1';\nALTER TABLE public."a\nb" OWNER TO ${name};\n${rows('public.t (a)', 'ALTER TABLE x OWNER TO row;')}CREATE FUNCTION f() AS $$\nALTER TABLE x OWNER TO body;\n$$;\nGRANT SELECT ON TABLE public.t TO zoe;\nGRANT SELECT ON TABLE public.t TO PUBLIC;\n${END}`;

  it('are those outside of rows and texts, decoded and sorted', () => {
    expect(read(Buffer.from(text('"Gr\u00F6\u00DFe\n"'), 'latin1')).roles).toEqual(['Größe\n', 'zoe']);
    expect(inPieces(Buffer.from(text('"Gr\u00F6\u00DFe\n"'), 'latin1'), 1).roles).toEqual(['Größe\n', 'zoe']);
  });

  it('are not known if one does not decode', () => {
    const utf8 = text('"Gr\u00F6"').replace('LATIN1', 'UTF8');
    expect(read(Buffer.from(utf8, 'latin1')).roles).toBeUndefined();
  });

  it('are found behind INSERTs, too', () => {
    const inserts = `${rows('x', '').split('COPY')[0]}INSERT INTO public.x VALUES (1);\nALTER TABLE x OWNER TO anna;\n`;
    expect(read(inserts + END)).toMatchObject({ tables: undefined, roles: ['anna'] });
  });
});

describe('what psql gets of a dump', () => {
  const passed = (...chunks: readonly (Buffer | string)[]): string => {
    let text = '';
    const reader = new DumpTextReader({ write: (part) => (text += part.toString('latin1')), heading: () => undefined });
    for (const chunk of chunks) reader.push(Buffer.from(chunk));
    return text;
  };
  const fake = "SELECT '\nBEGIN;\nCOMMIT;\n\\! id\n';\n/*\nCOMMIT;\n*/\n";
  const text = `${RESTRICTED}BEGIN;\n${fake}COMMIT;\n${rows('public.a (x)', 'BEGIN;', 'COMMIT;', '\\\\! id')}BEGIN;\nBEGIN ;\nCOMMIT;\n${END}\\unrestrict kEy1\n\n`;
  const wanted = text
    .replaceAll(/^\\(?:un)?restrict kEy1$/gm, '')
    .replace('BEGIN;\nSELECT', '\nSELECT')
    .replace('*/\nCOMMIT;', '*/\n')
    .replace('BEGIN;\nBEGIN ;\nCOMMIT;', '\nBEGIN ;\n');

  it("is all but the borders of transactions and the dump's own lock, wherever it is cut", () => {
    expect(passed(text)).toBe(wanted);
    for (let at = 0; at <= text.length; at += 1)
      expect({ at, text: passed(text.slice(0, at), text.slice(at)) }).toEqual({ at, text: wanted });
    for (const size of [1, 2, 3, 7]) {
      const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      expect(passed(...pieces)).toBe(wanted);
    }
  });

  it('is nothing of a line that is not whole', () => {
    for (const line of ['COMMIT', 'BEGIN', '\\', 'select 1']) expect(passed(`select 2;\n${line}`)).toBe('select 2;\n');
  });

  it.each([
    'select 1 \\! id\n',
    '\\! id\n',
    '\\restrict `id`\n',
    '\\unrestrict kEy2\n',
    '\\restrict kEy2\n',
    '\\connect x\n',
    '\\.\n',
    `select '${'x'.repeat(600_000)}' \\! id\n`,
  ])('is nothing of %j', (command) => {
    for (const size of [1, 3, command.length]) {
      let sent = '';
      const reader = new DumpTextReader({ write: (part) => (sent += part.toString()), heading: () => undefined });
      const push = (text: string) => {
        for (let at = 0; at < text.length; at += command.length > 1000 ? 100_000 : size)
          reader.push(Buffer.from(text.slice(at, at + (command.length > 1000 ? 100_000 : size))));
      };
      push(`${RESTRICTED}select 2;\n`);
      expect(() => push(`${command}select 3;\n`)).toThrow(/^the dump (?:holds a command for psql|connects)/);
      expect(sent).not.toMatch(/\\|select 3/);
    }
  });

  it('comes with the headings and their lines', () => {
    const headings: string[] = [];
    const reader = new DumpTextReader({
      write: () => undefined,
      heading: (heading, line) => headings.push(`${line} ${heading.split(';')[0]}`),
    });
    const sql = `--\n-- Name: t; Type: TABLE\n--\n\ncreate\n${rows('public.a (x)', '1', '2')}${rows('public.b (x)')}${END}`;
    for (const character of sql) reader.push(Buffer.from(character));
    const lines = sql.split('\n');
    expect(headings).toEqual(
      lines.flatMap((line, i) => (/^-- (?:Data for )?Name/.test(line) ? [`${i + 1} ${line.split(';')[0]}`] : [])),
    );
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
    await server.createDatabase("it's $$ a");
    await server.psql("it's $$ a", FORGED);
    await server.psql(
      'postgres',
      "create database latin encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0",
    );
    await server.psql('latin', `set client_encoding to 'UTF8'; ${LATIN}`);
    await server.createDatabase('escaping');
    await server.psql('postgres', 'alter database escaping set standard_conforming_strings to off');
    await server.psql('escaping', FORGED);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it('reads the same wherever it is cut into two', async () => {
    const text = await dump('small');
    const whole = read(text);
    expect(whole).toMatchObject({ isComplete: true, sqlBytes: text.length });
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

  it.each([
    ["it's $$ a", []],
    ["it's $$ a", ['--quote-all-identifiers', '--create', '--clean', '--if-exists']],
    ["it's $$ a", ['--disable-dollar-quoting', '--verbose']],
    ["it's $$ a", ['--data-only', '--disable-triggers']],
    ["it's $$ a", ['--encoding=LATIN1']],
    ['escaping', ['--create']],
    ['escaping', ['--disable-dollar-quoting', '--quote-all-identifiers']],
    ['latin', []],
    ['latin', ['--create']],
    ['latin', ['--encoding=UTF8']],
  ])('of %j with %j has the tables that the server has, whatever its texts look like', async (database, options) => {
    const text = await dump(database, ...options);
    const whole = read(text);
    expect(whole).toMatchObject({ isComplete: true, sqlBytes: text.length });
    const unquoted = (name: string) => name.slice(1, -1);
    const ask = (sql: string) => server.psql(database, `set client_encoding to 'UTF8'; ${sql}`);
    const wanted = (JSON.parse(await ask(TABLE_NAMES)) as string[]).map(async (table) => [
      options.includes('--quote-all-identifiers') ? table : table.replaceAll(/^"public"|(?<=\.)"[a-z]+"$/g, unquoted),
      Number(await ask(`select count(*) from ${table}`)),
    ]);
    expect(whole.tables).toEqual(Object.fromEntries(await Promise.all(wanted)));
    for (let at = 0; at <= text.length; at += 7) {
      expect(read(text.subarray(0, at), text.subarray(at)), `cut at ${at}`).toEqual(whole);
    }
    for (const size of [1, 2, 3, 100]) expect(inPieces(text, size)).toEqual(whole);
  });

  it.each([[['--inserts']], [['--column-inserts']], [['--inserts', '--rows-per-insert=100']]])(
    'with %j is complete, and its rows are not counted',
    async (options) => {
      const text = await dump('odd', ...options);
      expect(read(text)).toMatchObject({ isComplete: true, sqlBytes: text.length, tables: undefined });
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

const TABLE_NAMES = `
select json_agg('"' || replace(nspname, '"', '""') || '"."' || replace(relname, '"', '""') || '"')
from pg_class c join pg_namespace n on n.oid = relnamespace
where relkind = 'r' and nspname not in ('pg_catalog', 'information_schema')`;

const FORGERY = `
--
-- Data for Name: x; Type: TABLE DATA; Schema: public; Owner: a
--

COPY public.fake (a) FROM stdin;
1
`;

const FORGED = String.raw`
set standard_conforming_strings to on;
create function a_dollars() returns text language sql as $f$ select $$it's "${FORGERY}$$; $f$;
create function a_quotes() returns text language plpgsql as 'begin return $a$ it''s \ ${FORGERY} $a$; end';
create function a_plain() returns text language plpgsql as $f$begin
  /* ${FORGERY} */ return 1; end$f$;
create function a_default(a text default E'it\'s \\${FORGERY}') returns text language sql as $f$ select $1 || '$_$ $_X$'; $f$;
create function an_atom() returns text language sql begin atomic select E'\\${FORGERY}'; end;
create table a (id int primary key, b text default '$$ ${FORGERY}\', check (b <> '"${FORGERY}'));
insert into a select i, '$$ '' "' || E'\n\\.\n' from generate_series(1, 1234) i;
create index i on a (b) where b <> '${FORGERY}';
comment on index i is '\ ''"${FORGERY}';
comment on column a.b is '${FORGERY}\';
create view v as select '/*${FORGERY}' as c, E'\\''${FORGERY}' as d, id as "it's
COPY public.fake (a) FROM stdin;
" from a;
create rule r as on insert to v do instead insert into a values (1, '${FORGERY}');
create table "it's" ("a $$" int, "b""
-- c" int); insert into "it's" select i, i from generate_series(1, 5) i;
create table "$$
-- Name: x; /*" ("'" int); insert into "$$
-- Name: x; /*" values (1), (2);
create table "COPY ""x"" (a) FROM stdin;
COPY public.fake (a) FROM stdin;
" ("

" text); insert into "COPY ""x"" (a) FROM stdin;
COPY public.fake (a) FROM stdin;
" values ('a'), ('b'), (null);
create table "größe$a$" ("ü" text); insert into "größe$a$" values ('ü');
create table zebra (z int); insert into zebra select generate_series(1, 77);
create table zero (z int);
create policy p on zebra using ('${FORGERY}' <> 'a');
create type mood as enum ('it''s \', '$$');
create function a_trigger() returns trigger language plpgsql as $f$begin return new; end$f$;
create trigger t before insert on zebra for each row execute function a_trigger(E'\\''${FORGERY}');
select lo_from_bytea(0, convert_to('${FORGERY}', 'UTF8')), lo_from_bytea(0, decode(repeat('27', 500), 'hex'));
`;

const LATIN = `
create table "Größe" ("Maß" text); insert into "Größe" select 'ü' from generate_series(1, 11);
create table "Grüße" (a int); insert into "Grüße" select generate_series(1, 22);
create table plain (a int); insert into plain values (1);
create function f() returns text language sql as $f$ select 'ü $é$ ${FORGERY}'; $f$;
`;
