import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differencesOf } from '../../testing/differences-of.ts';
import { testedClients } from '../../testing/tested-clients.ts';
import type { Clients } from '../client/client-version.ts';
import { PsqlSession } from '../client/psql-session.ts';
import { compareRestored } from './compare-restored.ts';
import { readDatabaseFacts } from './database-facts.ts';

const never = new AbortController().signal;

describe.skipIf(!hasPostgres())('a restored database', () => {
  let postgres: PostgresServer;
  let clients: Clients;
  beforeAll(async () => {
    [postgres, clients] = [await startPostgres(), await testedClients()];
    await postgres.createDatabase('shop');
    await postgres.psql(
      'shop',
      `create table t as select 1 as a; create view v as table t;
       create table parted (a int) partition by list (a); create table part partition of parted default;
       insert into parted values (1), (2);
       create table hidden (a int); alter table hidden enable row level security;
       create role reader login password 'reader'; grant pg_read_all_data to reader;`,
    );
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  const open = (role = {}) =>
    PsqlSession.start(clients, { PATH: process.env['PATH'] ?? '', ...postgres.env('shop'), ...role }, never);

  it('lacks what is missing, counts partitioned tables that the dump fills at their root, and all its own', async () => {
    await using session = await open();
    const tables = { 'public.t': 1, 'public.parted': 3, 'public.gone': 0 };
    expect(await compareRestored(session, { tables })).toMatchObject({
      findings: [
        { difference: 'table public.gone is missing' },
        { difference: 'table public.parted has 2 rows; the dump holds 3' },
      ],
      notes: ['the manifest does not say what the source held'],
      uncounted: [],
      tables: 3,
      rows: 3,
    });
  });

  it('is compared with all that the source held; with its objects on the same major version alone', async () => {
    await using session = await open();
    await session.run('begin');
    const source = await readDatabaseFacts(session, { mode: 'exact', exactUpToBytes: Number.POSITIVE_INFINITY });
    const lost = { ...source, objects: { ...source.objects, 'view public.w': '0'.repeat(16) }, schemaSha256: '0' };
    const compare = async (serverVersion: string) => {
      await using another = await open();
      return await compareRestored(another, { source: lost, serverVersion });
    };
    expect(differencesOf(await compare(`${postgres.major}.0`))).toEqual(['view public.w is missing']);
    const elsewhere = await compare('9.6');
    expect(elsewhere.findings).toEqual([]);
    expect(elsewhere.notes.join()).toMatch(/objects are not compared: this is PostgreSQL .*, and the source was 9\.6/);
  });

  it('is not found equal where rows are hidden from the role', async () => {
    await using session = await open({ PGUSER: 'reader', PGPASSWORD: 'reader' });
    const { uncounted, findings } = await compareRestored(session, { tables: { 'public.t': 1 } });
    expect(findings).toEqual([]);
    expect(uncounted.join()).toMatch(/public\.hidden \(query would be affected by row-level security/);
  });
});
