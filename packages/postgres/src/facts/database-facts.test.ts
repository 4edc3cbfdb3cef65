import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import { databaseFactsSchema } from '@pgstow/shared/contract/database-facts.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { ODD_DATABASE } from '@pgstow/testing/servers/odd-database.ts';
import type { PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differencesOf } from '../../testing/differences-of.ts';
import { EXACT, openFactStage, type FactStage } from '../../testing/fact-stage.ts';
import type { Clients } from '../client/client-version.ts';
import { PsqlSession } from '../client/psql-session.ts';
import { openSnapshot } from '../dump/dump-snapshot.ts';
import { compareFacts } from './compare-facts.ts';
import { readDatabaseFacts } from './database-facts.ts';

const { signal } = new AbortController();

describe.skipIf(!hasPostgres())('what a database says of itself', () => {
  let postgres: PostgresServer;
  let clients: Clients;
  let stage: FactStage;
  beforeAll(async () => {
    stage = await openFactStage();
    ({ postgres, clients } = stage);
    await postgres.createDatabase('odd');
    await postgres.psql('odd', ODD_DATABASE);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const envOf: FactStage['envOf'] = (database) => stage.envOf(database);
  const factsOf: FactStage['factsOf'] = (database) => stage.factsOf(database);
  const dumpOf: FactStage['dumpOf'] = (database, args) => stage.dumpOf(database, args);
  const restored: FactStage['restored'] = (name, sql) => stage.restored(name, sql);
  const snapshotOf = async (database: string, extraOptions: readonly string[] = []) =>
    openSnapshot(await PsqlSession.start(clients, envOf(database), signal), { extraOptions, counting: EXACT });
  const differences = (source: DatabaseFacts, found: DatabaseFacts) =>
    differencesOf(compareFacts({ source, tables: undefined }, found));

  test('is the same where its dump was restored, and where a dump of that was', async () => {
    const source = await factsOf('odd');
    expect(databaseFactsSchema.parse(JSON.parse(JSON.stringify(source)))).toEqual(source);
    const once = await restored('odd once', await dumpOf('odd'));
    const twice = await restored('odd twice', await dumpOf(once));
    for (const copy of [once, twice]) {
      const found = await factsOf(copy);
      expect(differences(source, found)).toEqual([]);
      expect(found.schemaSha256).toBe(source.schemaSha256);
    }
    expect(source.tables).toMatchObject({
      'public.kinds': 500,
      '"Sales Ä"."Order ""Lines"""': 77,
      'public.no_columns': 2,
      'public.empty_table': 0,
      'public.parent_2025': 60,
    });
    expect(source.sequences).toMatchObject({
      'public.fresh': ['42', '42'],
      'public.used': ['46', '46'],
      'public.downwards': ['-2', '-2'],
      'public.kinds_id_seq': ['501', '501'],
    });
    expect(source).toMatchObject({ largeObjects: 4, encoding: 'UTF8', extensions: { hstore: expect.any(String) } });
  });

  test('does not depend on how a server sorts or quotes, nor on an index that becomes valid', async () => {
    // C sorts capitals first, ICU does not.
    await postgres.psql(
      'postgres',
      `CREATE DATABASE icu TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'`,
    );
    await postgres.psql(
      'icu',
      `CREATE TABLE "aB" (a int PRIMARY KEY); CREATE TABLE "Bb" (a int PRIMARY KEY);
       CREATE PUBLICATION both_tables FOR TABLE "aB", "Bb";
       CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
       CREATE INDEX p_a ON ONLY p (a); DROP TABLE p1;
       ALTER DATABASE icu SET quote_all_identifiers = on`,
    );
    const source = await factsOf('icu');
    expect(source).toMatchObject({ localeProvider: 'icu', locale: 'en-US' });
    expect(differences(source, await factsOf(await restored('not icu', await dumpOf('icu'))))).toEqual([]);
  });

  test('is read of a database in SQL_ASCII, whose bytes are of any encoding', async () => {
    const bytes = String.raw`select format('create type e as enum (%L); create table %I (a int); create sequence %I',
      convert_from('\xe9', 'SQL_ASCII'), convert_from('\x74e9', 'SQL_ASCII'), convert_from('\x73e9', 'SQL_ASCII')) \gexec
      create table t as select 1 as a; create function f() returns text language sql as 'select ''x''::text'`;
    for (const name of ['ascii', 'ascii copy']) {
      await postgres.psql('postgres', `create database "${name}" template template0 encoding 'SQL_ASCII' locale 'C'`);
      await execa(`${clients.folder}/psql`, ['--no-psqlrc'], { env: envOf(name), extendEnv: false, input: bytes });
    }
    const source = await factsOf('ascii');
    expect(source).toMatchObject({ encoding: 'SQL_ASCII', tables: { 'public.t': 1 } });
    expect(source.countedBecause).toMatch(/^1 of 2 tables/);
    expect(Object.keys(source.objects)).toContain('enum public.e');
    expect(differences(source, await factsOf('ascii copy'))).toEqual([]);
  });

  test('keeps nobody from a table that pg_dump has not locked yet', async () => {
    await postgres.createDatabase('free');
    await postgres.psql('free', 'CREATE TABLE t (a int)');
    await using snapshot = await snapshotOf('free');
    const dumped = Promise.withResolvers<void>();
    const facts = snapshot.readFacts(dumped.promise);
    await eventually(
      async () =>
        (await postgres.psql(
          'free',
          `SELECT count(*) FROM pg_stat_activity WHERE datname = 'free' AND state = 'idle in transaction'
             AND query ~* 'count\\(\\*\\) from only|rollback to|release'`,
        )) === '1',
    );
    await postgres.psql('free', `SET lock_timeout = '5s'; ALTER TABLE t ADD b int`);
    dumped.resolve();
    expect((await facts).tables).toEqual({ 'public.t': 0 });
  });

  test('says nothing of a sequence that was set back meanwhile', async () => {
    await postgres.createDatabase('reset');
    await postgres.psql('reset', `CREATE SEQUENCE s START 50; CREATE SEQUENCE t START 50`);
    await using snapshot = await snapshotOf('reset');
    await postgres.psql('reset', `ALTER SEQUENCE s RESTART WITH 1; SELECT nextval('t'), nextval('t')`);
    expect((await snapshot.readFacts(Promise.resolve())).sequences).toEqual({ 'public.t': ['50', '52'] });
  });

  test.each<[string, string, RegExp]>([
    ['a row', `DELETE FROM kinds WHERE id = 7`, /^table public.kinds has 499 rows; the source had 500$/],
    [
      'a row of a partition',
      `DELETE FROM parent_2025 WHERE id = 1`,
      /^table public.parent_2025 has 59 rows; the source had 60$/,
    ],
    ['a table', `DROP TABLE empty_table`, /^table public.empty_table is missing$/],
    ['a column', `ALTER TABLE hen ADD x int`, /^table public.hen: columns differ$/],
    ['a type', `ALTER TABLE empty_table ALTER a TYPE bigint`, /^table public.empty_table: columns differ$/],
    ['a default', `ALTER TABLE dropped_column ALTER b DROP DEFAULT`, /^table public.dropped_column: columns differ$/],
    ['a foreign key', `ALTER TABLE hen DROP CONSTRAINT hen_egg`, /^table public.hen: constraints differ$/],
    ['an index', `DROP INDEX kinds_partial`, /^table public.kinds: indexes differ$/],
    [
      'a trigger',
      `DROP TRIGGER touch ON "Sales Ä"."Order ""Lines"""`,
      /^table "Sales Ä"."Order ""Lines""": triggers differ$/,
    ],
    ['a policy', `DROP POLICY few ON tree`, /^table public.tree: policies differ$/],
    ['row-level security', `ALTER TABLE tree DISABLE ROW LEVEL SECURITY`, /^table public.tree: row security differs$/],
    ['a rule', `DROP RULE v_insert ON v`, /^view public.v: rules differ$/],
    ['a function', `DROP FUNCTION ends_badly`, /^function public.ends_badly\(\) is missing$/],
    [
      "a function's body",
      `CREATE OR REPLACE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 2'`,
      /^procedure public.nothing\(\): body differs$/,
    ],
    ['a value of an enum', `ALTER TYPE mood ADD VALUE 'glad'`, /^enum public.mood: values differ$/],
    ['a schema', `DROP SCHEMA empty_schema`, /^schema empty_schema is missing$/],
    [
      'a materialized view left empty',
      `REFRESH MATERIALIZED VIEW mv WITH NO DATA`,
      /^materialized view public.mv: contents differ$/,
    ],
    ['a publication', `ALTER PUBLICATION news DROP TABLE hen`, /^publication news: tables differ$/],
    ['a sequence', `SELECT setval('used', 1000)`, /^sequence public.used goes on with 1005; the source's did with 46$/],
    ['a large object', `SELECT lo_unlink(4242)`, /^it has 3 large objects; the source had 4$/],
    ['one too many', `CREATE TABLE more (a int)`, /^table public.more was not at the source$/],
  ])('shows a difference: %s', async (what, sql, difference) => {
    const source = await factsOf('odd');
    await postgres.psql('postgres', `CREATE DATABASE "changed ${what}" TEMPLATE odd`);
    await postgres.psql(`changed ${what}`, sql);
    const found = differences(source, await factsOf(`changed ${what}`));
    expect(found).toEqual([expect.stringMatching(difference)]);
    await postgres.dropDatabase(`changed ${what}`);
  });

  test('goes by the names of objects where an earlier version has made the dump', async () => {
    const source = await factsOf('odd');
    const { descriptionVersion: _, ...facts } = source;
    const earlier = databaseFactsSchema.parse({
      ...facts,
      objects: Object.fromEntries(
        // It lists operators without a function, and no casts.
        [...Object.keys(source.objects), 'operator public.@@=(text,integer)'].map((name) => [name, '0123456789abcdef']),
      ),
      schemaSha256: '0'.repeat(64),
    });
    const { 'table public.hen': _hen, ...rest } = source.objects;
    const others = { ...rest, 'cast (public.mood as public.pair)': {} };
    const comparison = compareFacts({ source: earlier, tables: undefined }, { ...source, objects: others });
    expect(differencesOf(comparison)).toEqual(['table public.hen is missing']);
    expect(comparison.notes).toContainEqual(expect.stringContaining('another version of pgstow'));
  });

  test('counts the rows of an extension that its own condition puts into a dump', async () => {
    const setUp = async (name: string) => {
      await postgres.createDatabase(name);
      // What pg_extension_config_dump() does, which only the script of an extension may call.
      await postgres.psql(
        name,
        `CREATE EXTENSION hstore; CREATE TABLE seeded (a int); INSERT INTO seeded VALUES (1), (2); CREATE SEQUENCE seeds;
         CREATE TABLE inner_state (a int); INSERT INTO inner_state VALUES (1);
         ALTER EXTENSION hstore ADD TABLE seeded; ALTER EXTENSION hstore ADD SEQUENCE seeds;
         ALTER EXTENSION hstore ADD TABLE inner_state;
         UPDATE pg_extension SET extconfig = ARRAY['seeded'::regclass, 'seeds'::regclass]::oid[],
           extcondition = ARRAY['where a > 5', ''] WHERE extname = 'hstore'`,
      );
    };
    await setUp('seeded');
    await postgres.psql('seeded', `INSERT INTO seeded VALUES (99), (100); SELECT setval('seeds', 7)`);
    const source = await factsOf('seeded');
    expect(source.tables).toEqual({ 'public.seeded': 2 });
    expect(source.sequences).toEqual({ 'public.seeds': ['8', '8'] });
    await setUp('seeded anew');
    expect(differences(source, await factsOf('seeded anew'))).toEqual([
      'table public.seeded has 0 rows; the source had 2',
      "sequence public.seeds goes on with 1; the source's did with 8",
    ]);
    await postgres.psql('seeded anew', `INSERT INTO seeded VALUES (99), (100); SELECT setval('seeds', 7)`);
    expect(differences(source, await factsOf('seeded anew'))).toEqual([]);
  });

  test('is that of the snapshot, whatever happens to the source meanwhile', async () => {
    await postgres.psql('postgres', 'CREATE DATABASE busy TEMPLATE odd');
    await using snapshot = await snapshotOf('busy');
    await postgres.psql(
      'busy',
      `DELETE FROM kinds; INSERT INTO hen VALUES (3, NULL); TRUNCATE animal, cat;
       SELECT nextval('used'), nextval('used'); DROP SCHEMA empty_schema; SELECT lo_unlink(4242)`,
    );
    const dumped = dumpOf('busy', [`--snapshot=${snapshot.id}`]);
    const source = await snapshot.readFacts(dumped);
    const found = await factsOf(await restored('busy restored', await dumped));
    expect(found.tables).toMatchObject({ 'public.kinds': 500, 'public.hen': 2 });
    // What was truncated is empty to whoever looks from the past; it is left out.
    expect(source.tables).not.toHaveProperty('public.cat');
    expect(source.countedBecause).toMatch(/tables changed, were locked or took too long/);
    expect(source.sequences['public.used']).toEqual(['46', '56']);
    expect(differences(source, found)).toEqual([]);
  });

  test('counts each of many tables, but for those that were dropped meanwhile', async () => {
    await postgres.createDatabase('many');
    await postgres.psql(
      'many',
      `DO $$ BEGIN FOR i IN 100..399 LOOP
         EXECUTE format('CREATE TABLE t%s AS SELECT generate_series(1, %s) AS a', i, i);
       END LOOP; END $$`,
    );
    await using snapshot = await snapshotOf('many');
    await postgres.psql('many', 'DROP TABLE t150, t151, t398; INSERT INTO t160 VALUES (1)');
    const { tables, countedBecause } = await snapshot.readFacts(Promise.resolve());
    const dropped = [150, 151, 398];
    const kept = Array.from({ length: 300 }, (_, index) => 100 + index).filter((number) => !dropped.includes(number));
    expect(tables).toEqual(Object.fromEntries(kept.map((number) => [`public.t${number}`, number])));
    expect(countedBecause).toMatch(/^3 of 300 tables changed, .*public\.t\d+ \(.* does not exist\), …$/);
  });

  test('is not waited for where somebody holds a sequence: the dump itself may not need it', async () => {
    await postgres.psql('postgres', 'CREATE DATABASE held TEMPLATE odd');
    await using holder = await PsqlSession.start(clients, envOf('held'), signal);
    await holder.run('begin');
    await holder.run('alter sequence public.used owned by none');
    await holder.run('drop sequence public.used cascade');
    await expect(snapshotOf('held')).rejects.toThrow(/lock timeout/);
  });

  test('is limited by options that leave things out', async () => {
    const extraOptions = ['--exclude-table-data', 'kinds', '-T', 'public.tree', '--no-owner'];
    await using snapshot = await snapshotOf('odd', extraOptions);
    const dumped = dumpOf('odd', [`--snapshot=${snapshot.id}`, ...extraOptions]);
    const source = await snapshot.readFacts(dumped);
    const comparison = compareFacts(
      { source, tables: { 'public.egg': 2 } },
      await factsOf(await restored('limited', await dumped)),
    );
    expect(comparison.findings).toEqual([]);
    expect(comparison.notes).toContainEqual(
      'the dump leaves things out (--exclude-table-data=kinds -T=public.tree): what is missing is no difference',
    );
  });

  test('may be estimated, or left out, and a database too large is estimated', async () => {
    await postgres.psql('odd', 'ANALYZE');
    const read = async (counting: Parameters<typeof readDatabaseFacts>[1]) => {
      await using session = await PsqlSession.start(clients, envOf('odd'), signal);
      return await readDatabaseFacts(session, counting);
    };
    expect(await read({ ...EXACT, mode: 'estimate' })).toMatchObject({
      counted: 'estimate',
      tables: { 'public.kinds': 500 },
    });
    expect(await read({ ...EXACT, mode: 'off' })).toMatchObject({ counted: 'off', tables: {} });
    expect(await read({ ...EXACT, exactUpToBytes: 1 })).toMatchObject({
      counted: 'estimate',
      countedBecause: 'the database takes more than VERIFY_SOURCE_COUNTS_LIMIT',
    });
  });
});

describe('rows that a dump holds', () => {
  const facts = (tables: Record<string, number>): DatabaseFacts => ({
    databaseBytes: 1,
    encoding: 'UTF8',
    collate: 'C',
    ctype: 'C',
    extensions: {},
    counted: 'exact',
    tables,
    sequences: {},
    largeObjects: 0,
    objects: {},
    schemaSha256: '0'.repeat(64),
  });

  test('have to arrive, each of them', () => {
    const compared = compareFacts(
      { tables: { 'public.a': 1, 'public.b': 2 } },
      facts({ 'public.a': 1, 'public.b': 1 }),
    );
    expect(differencesOf(compared)).toEqual(['table public.b has 1 row; the dump holds 2']);
  });

  test('are told apart by the names of their tables, quoted or not', () => {
    const names = { 'public."a.b"': 1, 'public.a."b"': 2, '"public"."user"': 3, 'public."x""y"': 4 };
    const arrived = { 'public."a.b"': 1, 'public.a.b': 2, 'public."user"': 3, 'public."x""y"': 4 };
    expect(compareFacts({ tables: names }, facts(arrived))).toEqual({
      findings: [],
      notes: ['the manifest does not say what the source held'],
    });
  });
});
