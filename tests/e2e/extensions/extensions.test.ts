import { readdirSync } from 'node:fs';
import { hasExtension, hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { testedPostgresBinDir } from '@pgstow/testing/machine/tested-postgres.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { startS3, type S3Server } from '@pgstow/testing/servers/s3-server.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runRestore } from '../stage/restore-stage.ts';
import { BUCKET } from '../stage/settings-of.ts';
import { setVerifyStage } from '../stage/verify-stage.ts';

/** Libraries that both servers load, each if its extension is installed. */
const LIBRARIES: Readonly<Record<string, string>> = { timescaledb: 'timescaledb', pg_cron: 'pg_cron' };

type Case = {
  readonly extensions: readonly string[];
  readonly sql: string;
  /** A query that says of source and copy whether they are alike. */
  readonly look: string;
  readonly answer: string;
};

const CASES: Readonly<Record<string, Case>> = {
  pgvector: {
    extensions: ['vector'],
    sql: `create extension vector;
      create table item (id int primary key, v vector(3), h halfvec(3));
      insert into item select i, format('[%s,%s,%s]', i, sin(i), cos(i))::vector, format('[%s,1,2]', i)::halfvec from generate_series(1, 500) i;
      create index on item using hnsw (v vector_l2_ops);
      create index on item using hnsw (h halfvec_cosine_ops);
      create index on item using ivfflat (v vector_ip_ops) with (lists = 5)`,
    look: `select count(*), sum(v <-> '[1,2,3]')::numeric(12,3), (select count(*) from pg_indexes where tablename = 'item') from item`,
    answer: `500|`,
  },
  postgis: {
    extensions: ['postgis', 'postgis_topology'],
    sql: `create extension postgis; create extension postgis_topology;
      insert into spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text)
        select 990001, 'mine', 1, srtext, proj4text from spatial_ref_sys where srid = 3857;
      create table place (id int primary key, g geometry(Point, 990001), t geography);
      insert into place select i, st_setsrid(st_point(i, i), 990001), st_point(i, i)::geography from generate_series(1, 50) i;
      create index on place using gist (g);
      select topology.createtopology('roads', 4326)`,
    look: `select count(*), st_astext(st_extent(g)), (select count(*) from spatial_ref_sys where auth_name = 'mine'), (select count(*) from topology.topology) from place`,
    answer: `50|POLYGON((1 1,1 50,50 50,50 1,1 1))|1|1`,
  },
  timescaledb: {
    extensions: ['timescaledb'],
    sql: `create extension timescaledb;
      create table conditions (time timestamptz not null, device int, temp float);
      select create_hypertable('conditions', 'time', chunk_time_interval => interval '1 day');
      insert into conditions select t, d, d from generate_series('2026-01-01'::timestamptz, '2026-01-05', '1 hour') t, generate_series(1, 3) d;
      create index on conditions (device, time desc)`,
    look: `select count(*), sum(temp), (select count(*) from show_chunks('conditions')), (select count(*) from timescaledb_information.hypertables) from conditions`,
    answer: '291|582|5|1',
  },
  'timescaledb in a schema of its own': {
    extensions: ['timescaledb'],
    sql: `create schema tsdb; create extension timescaledb schema tsdb;
      create table public.conditions (time timestamptz not null, device int);
      select tsdb.create_hypertable('public.conditions', 'time', chunk_time_interval => interval '1 day');
      insert into conditions select t, 1 from generate_series('2026-01-01'::timestamptz, '2026-01-03', '1 hour') t`,
    look: `select count(*), (select count(*) from tsdb.show_chunks('conditions')) from conditions`,
    answer: '49|3',
  },
  'timescaledb with what its own licence allows': {
    extensions: ['timescaledb', 'timescaledb-tsl'],
    sql: `create extension timescaledb;
      create table conditions (time timestamptz not null, device int, temp float);
      select create_hypertable('conditions', 'time', chunk_time_interval => interval '1 day');
      insert into conditions select t, d, d from generate_series('2026-01-01'::timestamptz, '2026-01-05', '1 hour') t, generate_series(1, 3) d;
      alter table conditions set (timescaledb.compress, timescaledb.compress_segmentby = 'device');
      select compress_chunk(c) from show_chunks('conditions') c limit 2;
      create materialized view daily with (timescaledb.continuous) as
        select time_bucket('1 day', time) as day, device, avg(temp) as temp from conditions group by 1, 2 with no data;
      call refresh_continuous_aggregate('daily', null, null)`,
    look: `select count(*), sum(temp), (select count(*) from daily) from conditions`,
    answer: '291|582|15',
  },
  pg_cron: {
    extensions: ['pg_cron'],
    sql: `create extension pg_cron; create table t (i int);
      select cron.schedule('nightly', '0 3 1 1 *', 'insert into t values (1)'); select cron.schedule('weekly', '0 4 * * 0', 'vacuum')`,
    look: `select string_agg(jobname || schedule || command, ';' order by jobid), (select count(*) from t) from cron.job`,
    answer: 'nightly0 3 1 1 *insert into t values (1);weekly0 4 * * 0vacuum|0',
  },
  pg_partman: {
    extensions: ['pg_partman'],
    sql: `create schema partman; create extension pg_partman schema partman;
      create table public.event (id bigint not null, at timestamptz not null) partition by range (at);
      select partman.create_parent('public.event', 'at', '1 day');
      insert into event select i, now() from generate_series(1, 100) i`,
    look: `select count(*), (select string_agg(parent_table || partition_interval, ';') from partman.part_config) from event`,
    answer: '100|public.event1 day',
  },
};

const isAble = hasRedis() && hasPostgres();
/** What of this this machine lacks. TimescaleDB's other licence is no extension, but a library. */
const lackOf = ({ extensions }: Case): readonly string[] =>
  extensions.filter((name) => (name === 'timescaledb-tsl' ? !hasTsl() : !hasExtension(name)));
for (const [name, each] of Object.entries(CASES)) {
  const lacking = lackOf(each);
  if (lacking.length > 0)
    console.warn(`skipped: ${name}, because the PostgreSQL that is tested lacks ${lacking.join(', ')}`);
}

// The real workers dump and test, and the real command line restores into another server.
describe.skipIf(!isAble)('a database with extensions', () => {
  const cleanup = new AsyncDisposableStack();
  let redis: RedisServer;
  let s3: S3Server;

  beforeAll(async () => {
    redis = cleanup.use(await startRedis());
    s3 = cleanup.use(await startS3({ buckets: [BUCKET] }));
  });
  afterAll(() => cleanup.disposeAsync());

  for (const [name, each] of Object.entries(CASES))
    test.skipIf(lackOf(each).length > 0)(
      `of ${name} is dumped, tested GOOD, and restored with all of its rows`,
      async () => {
        const { extensions, sql, look, answer } = each;
        await using source = await startServer('shop', extensions);
        await source.createDatabase('shop');
        await source.psql('shop', sql);
        const wanted = await source.psql('shop', look);
        expect(wanted.startsWith(answer)).toBe(true);
        await using stage = await setVerifyStage({ redis, postgres: source, s3, databases: 'shop' });
        await stage.startWorker();
        const { name: backup, needs } = await stage.dumpAndUpload('shop');
        expect(Object.keys(needs?.extensions ?? {})).toContain(extensions[0]);
        expect(await stage.good(backup)).toMatchObject({ result: 'good', differences: [], notes: [] });

        await using target = await startServer('shop', extensions);
        const args = ['shop', '--to', target.url('shop')];
        const env = { BACKUP_DIR: stage.folder };
        const restored = await runRestore([...args, '--create'], env);
        expect(restored).toMatchObject({ code: 0, text: expect.stringContaining('equal to its manifest') });
        expect(await target.psql('shop', look)).toBe(wanted);

        // Rows of an extension's table are there already.
        const again = await runRestore([...args, '--force'], env);
        const [code, said] = extensions.includes('timescaledb')
          ? [3, 'tables cannot be dropped and restored in one transaction; nothing was touched']
          : [0, 'equal to its manifest'];
        expect(again).toMatchObject({ code, text: expect.stringContaining(said) });
        expect(await target.psql('shop', look)).toBe(wanted);
      },
    );

  test.skipIf(lackOf(CASES['pg_cron']!).length > 0)(
    'is not restored where its library is not loaded, or serves another database',
    async () => {
      await using source = await startServer('shop', ['pg_cron']);
      await source.createDatabase('shop');
      await source.psql('shop', 'create extension pg_cron');
      await using stage = await setVerifyStage({ redis, postgres: source, s3, databases: 'shop' });
      await stage.dumpAndUpload('shop');
      const env = { BACKUP_DIR: stage.folder };
      expect(await runRestore(['shop', '--to', source.url('other'), '--create'], env)).toMatchObject({
        code: 3,
        text: expect.stringMatching(
          /pg_cron works in the database "shop" of the target server alone; nothing was touched\n.*cron\.database_name = 'other'/,
        ),
      });
      await using plain = await startPostgres();
      expect(await runRestore(['shop', '--to', plain.url('shop'), '--create'], env)).toMatchObject({
        code: 3,
        text: expect.stringMatching(
          /does not load pg_cron at its start; nothing was touched\n.*shared_preload_libraries/,
        ),
      });
    },
  );

  test.skipIf(lackOf(CASES['timescaledb']!).length > 0)(
    'is not restored into another version of TimescaleDB, nor tested there',
    async () => {
      await using source = await startServer('shop', ['timescaledb']);
      await source.createDatabase('shop');
      await source.psql('shop', 'create extension timescaledb; create table t (i int)');
      await using stage = await setVerifyStage({ redis, postgres: source, s3, databases: 'shop' });
      await stage.startWorker();
      const manifest = await stage.dumpAndUpload('shop');
      const { needs } = manifest;
      const timescaledb = { version: '0.0.1', schema: 'public' };
      const other = { ...needs!, extensions: { ...needs!.extensions, timescaledb } };
      await stage.rewrite(manifest, { manifest: { needs: other } });
      const { failedReason } = await stage.reaches(await stage.ask(manifest.name), 'failed');
      expect(failedReason).toMatch(/COULD NOT TELL .* lacks the extension timescaledb 0\.0\.1\nhint: .*SCRATCH_IMAGE/s);
      const refused = await runRestore(['shop', '--to', source.url('new'), '--create'], { BACKUP_DIR: stage.folder });
      expect(refused).toMatchObject({
        code: 3,
        text: expect.stringContaining(
          'extensions are missing on the target server: timescaledb 0.0.1; nothing was touched',
        ),
      });
    },
  );
});

/** A server that loads what these extensions want, as its owner would have it. */
function startServer(database: string, extensions: readonly string[]): Promise<PostgresServer> {
  const libraries = extensions.flatMap((name) => LIBRARIES[name] ?? []);
  return startPostgres({
    settings:
      libraries.length === 0
        ? {}
        : {
            shared_preload_libraries: libraries.join(','),
            ...(libraries.includes('pg_cron') ? { 'cron.database_name': database } : {}),
          },
  });
}

function hasTsl(): boolean {
  const folder = testedPostgresBinDir();
  if (folder === undefined) return false;
  return readdirSync(`${folder}/../lib`).some((name) => name.startsWith('timescaledb-tsl-'));
}
