import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { testedMajor } from '@pgstow/testing/machine/tested-postgres.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { amcheck, type AmcheckFinding } from './amcheck.ts';
import { startScratchServer, type ScratchServer } from './scratch-server.ts';

const SECTOR_BYTES = 512;
const PAGE_BYTES = 8192;
const signal = new AbortController().signal;

describe.skipIf(!hasPostgres())('pg_amcheck in a scratch server', () => {
  const cleanup = new AsyncDisposableStack();
  let server: ScratchServer;
  let isThere = false;

  beforeAll(async () => {
    const { path } = cleanup.use(await tempFolder('pgstow-amcheck-', unprivilegedUser()));
    const major = testedMajor();
    const locale = { encoding: 'UTF8', collate: 'C.UTF-8', ctype: 'C.UTF-8' };
    server = cleanup.use(
      await startScratchServer({ folder: join(path, 'server'), major, ...locale, memoryBytes: 2 ** 27, signal }),
    );
    await server.createDatabase('whole');
    await server.query(
      'whole',
      `create table "Order Lines" (id int primary key, t text);
       insert into "Order Lines" select i, md5(i::text) from generate_series(1, 20000) i`,
    );
    isThere = 'damage' in (await amcheck(server, 'whole', signal));
  });
  afterAll(() => cleanup.disposeAsync());

  /** A copy of the database whose third page of that table or index has lost a sector on the disk. */
  const damaged = async (relation: string): Promise<string> => {
    await server.query('whole', 'vacuum');
    await server.query('whole', 'checkpoint');
    const file = await server.query(
      'whole',
      `select current_setting('data_directory') || '/' || pg_relation_filepath('"${relation}"')`,
    );
    const position = 3 * PAGE_BYTES - 2 * SECTOR_BYTES;
    const sector = Buffer.alloc(SECTOR_BYTES);
    await using relationFile = await open(file, 'r+');
    await relationFile.read(sector, 0, SECTOR_BYTES, position);
    await relationFile.write(Buffer.alloc(SECTOR_BYTES, 0xff), 0, SECTOR_BYTES, position);
    // The server has the page in its memory as it was. In a copy of the file, it has not.
    const copy = `damaged ${relation}`;
    const strategy = server.clients.major < 15 ? '' : 'strategy file_copy';
    await server.query('postgres', `create database "${copy}" template whole ${strategy}`);
    await relationFile.write(sector, 0, SECTOR_BYTES, position);
    return copy;
  };

  it('finds nothing in what is whole', async ({ skip }) => {
    skip(!isThere, 'pg_amcheck is not installed');
    expect(await amcheck(server, 'whole', signal)).toEqual({ damage: [] });
  });

  // The server itself finds the page invalid where it has data checksums, as from PostgreSQL 18 on.
  it.for([
    [
      'table',
      'Order Lines',
      /^pg_amcheck: heap table "damaged [^"]*\.public\.Order Lines"(?:, block 2, offset \d+: \S|: ERROR: +invalid page in block 2 )/,
    ],
    ['index', 'Order Lines_pkey', /^pg_amcheck: btree index "damaged [^"]*\.public\.Order Lines_pkey": ERROR: +\S/],
  ] as const)(
    'names the %s whose page is damaged on the disk, and says how',
    async ([, relation, wanted], { skip }) => {
      skip(!isThere, 'pg_amcheck is not installed');
      const found = await amcheck(server, await damaged(relation), signal);
      const { damage } = found as Extract<AmcheckFinding, { damage: unknown }>;
      expect(damage.length).toBeGreaterThan(0);
      expect(damage.filter(({ difference }) => !wanted.test(difference))).toEqual([]);
    },
  );
});
