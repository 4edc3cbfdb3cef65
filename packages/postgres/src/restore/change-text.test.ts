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
    return { sent: Buffer.concat(sent).toString(encoding), blanked: [...changer.blankedTablespaces] };
  });
  expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1);
  return results[0]!;
}

const lines = (names: readonly string[]): string => names.map((name) => `SET default_tablespace = ${name};\n`).join('');

it('puts what lies in tablespaces that the target lacks into the default one, and says which', () => {
  const sql = lines(["''", 'fast', 'kept', '"Mixed ""one"""', 'größe', '"kept too"', 'pg_default']);
  expect(changed(sql, { tablespaces: ['kept', 'kept too', 'pg_default'] })).toEqual({
    sent: lines(["''", "''", 'kept', "''", "''", '"kept too"', 'pg_default']),
    blanked: ['fast', 'Mixed "one"', 'größe'],
  });
  expect(changed(sql, {}).sent).toBe(sql);
});

it("reads a tablespace's name in the encoding of the dump", () => {
  const sql = `SET client_encoding = 'LATIN1';\n${lines(['größe', 'maß'])}`;
  expect(changed(sql, { tablespaces: ['größe'] }, 'latin1')).toEqual({
    sent: `SET client_encoding = 'LATIN1';\n${lines(['größe', "''"])}`,
    blanked: ['maß'],
  });
});

it('leaves the same words alone in rows, functions, comments and texts', () => {
  const same = `${lines(['fast'])}SELECT pg_catalog.set_config('search_path', '', false);\n`;
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
  expect(changed(sql, { tablespaces: [], hasSearchPath: true })).toEqual({ sent: sql, blanked: [] });
});

it('gives the session the search path that it was offered', () => {
  const empty = "SELECT pg_catalog.set_config('search_path', '', false);\n";
  expect(changed(empty, {}).sent).toBe(empty);
  expect(changed(empty, { hasSearchPath: true }).sent).toMatch(
    /'search_path', .*current_setting\('pgstow.search_path'\)/,
  );
});
