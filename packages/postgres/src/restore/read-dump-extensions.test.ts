import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { expect, it } from 'vitest';
import { readDumpExtensions } from './read-dump-extensions.ts';

const heading = (name: string, type: string) => `--\n-- Name: ${name}; Type: ${type}; Schema: -; Owner: -\n--\n\n`;

it('reads the extensions that a dump makes, up to its rows', async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, 'dump.gz');
  const read = async () => (await readDumpExtensions({ path }, new AbortController().signal)).map(({ name }) => name);
  const sql = [
    heading('vector', 'EXTENSION'),
    'CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;\n',
    heading('EXTENSION vector', 'COMMENT'),
    `CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ select '\n${heading('cube', 'EXTENSION')}' $$;\n`,
    heading('uuid-ossp', 'EXTENSION'),
    '-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: a\n',
    heading('hstore', 'EXTENSION'),
  ].join('');
  // Enough that what follows is in another piece.
  const whole = gzipSync(sql.replace(/(?<=TABLE DATA.*\n)/, '-- more\n'.repeat(100_000)));
  await writeFile(path, whole);
  expect(await read()).toEqual(['vector', 'uuid-ossp']);
  await writeFile(path, whole.subarray(0, whole.length - 50));
  expect(await read()).toEqual(['vector', 'uuid-ossp']);
  await writeFile(path, 'no gzip');
  expect(await read()).toEqual([]);
});
