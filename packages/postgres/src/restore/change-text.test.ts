import { expect, it } from 'vitest';
import { DumpTextReader } from '../proof/dump-text.ts';
import { TextChanger, type TextChanges } from './change-text.ts';

/** Passes a dump through, in pieces of each size, and returns what psql gets. */
function changed(sql: string, changes: TextChanges, encoding: BufferEncoding = 'utf8') {
  const all = Buffer.from(sql, encoding);
  const results = [1, 7, all.length].map((size) => {
    const changer = new TextChanger(changes);
    const sent: Buffer[] = [];
    const reader = new DumpTextReader({
      write: (text) => void sent.push(Buffer.from(text)),
      heading: () => undefined,
      inPlaceOf: (line) => changer.change(line),
    });
    for (let at = 0; at < all.length; at += size) reader.push(all.subarray(at, at + size));
    return {
      sent: Buffer.concat(sent).toString(encoding),
      blanked: [...changer.blankedTablespaces],
      sequences: changer.sequences,
    };
  });
  const [first, ...others] = results;
  for (const other of others) expect(other).toEqual(first);
  return first!;
}

const lines = (names: readonly string[]): string => names.map((name) => `SET default_tablespace = ${name};\n`).join('');

it('puts what lies in tablespaces that the target lacks into the default one, and says which', () => {
  const sql = lines(["''", 'fast', 'kept', '"Mixed ""one"""', 'größe', '"kept too"', 'pg_default']);
  expect(changed(sql, { tablespaces: ['kept', 'kept too', 'pg_default'] })).toMatchObject({
    sent: lines(["''", "''", 'kept', "''", "''", '"kept too"', 'pg_default']),
    blanked: ['fast', 'Mixed "one"', 'größe'],
  });
  expect(changed(sql, {}).sent).toBe(sql);
});

it("reads a tablespace's name in the encoding of the dump", () => {
  const sql = `SET client_encoding = 'LATIN1';\n${lines(['größe', 'maß'])}`;
  expect(changed(sql, { tablespaces: ['größe'] }, 'latin1')).toMatchObject({
    sent: `SET client_encoding = 'LATIN1';\n${lines(['größe', "''"])}`,
    blanked: ['maß'],
  });
});

it('puts what lies in a tablespace whose name holds line ends into the default one, line by line', () => {
  const sql = lines(['"a\nb ""c\n"', 'fast']);
  const { sent, blanked } = changed(sql, { tablespaces: [] });
  expect(blanked).toEqual(['a\n…', 'fast']);
  expect(sent).toBe(
    `SET default_tablespace = ''; SET pgstow.tablespace = "a\nb ""c\n";\nSET default_tablespace = '';\n`,
  );
  expect(changed(sql, { tablespaces: ['a\nb "c\n'] })).toMatchObject({ blanked: ['fast'] });
});

it('reads what sequences are set to', () => {
  const calls = [`'public.s', 7, true`, `'"Größe"."it''s ""one"', -12, false`, `'public."two\nlines"', 3, true`];
  const sql = calls.map((call) => `SELECT pg_catalog.setval(${call});\n`).join('');
  const { sent, sequences } = changed(sql, {});
  expect(sent).toBe(sql);
  expect(Object.fromEntries(sequences)).toEqual({
    'public.s': { value: '7', isCalled: true },
    '"Größe"."it\'s ""one"': { value: '-12', isCalled: false },
  });
});

it('leaves the same words alone in rows, functions, comments and texts', () => {
  const same = `${lines(['fast'])}SELECT pg_catalog.set_config('search_path', '', false);
SELECT pg_catalog.setval('public.s', 7, true);\n`;
  const sql = `-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: a
COPY public.t (a) FROM stdin;
${same}\\.
CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$
${same}$$;
/*
${same}*/
COMMENT ON TABLE t IS '
${same.replaceAll("'", "''")}';
CREATE FUNCTION g() RETURNS void LANGUAGE sql
    SET default_tablespace TO 'fast'
    AS 'select';
CREATE TABLE "
${lines(['fast'])}" ();
`;
  expect(changed(sql, { tablespaces: [], hasSearchPath: true })).toEqual({
    sent: sql,
    blanked: [],
    sequences: new Map(),
  });
});

it('gives the session the search path that it was offered', () => {
  const empty = "SELECT pg_catalog.set_config('search_path', '', false);\n";
  expect(changed(empty, {}).sent).toBe(empty);
  expect(changed(empty, { hasSearchPath: true }).sent).toMatch(
    /'search_path', .*current_setting\('pgstow.search_path'\)/,
  );
});
