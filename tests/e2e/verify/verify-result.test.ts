import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { restoreTestSchema } from '@pgstow/shared/contract/restore-test.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { ODD_DATABASE } from '@pgstow/testing/servers/odd-database.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockTable } from '../stage/dump-stage.ts';
import { BUCKET } from '../stage/settings-of.ts';
import { SORTED_DATABASE } from '../stage/sorted-database.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';
import { setVerifyStage, type VerifyStage } from '../stage/verify-stage.ts';

const SHOP = `
create table customers (id int generated always as identity primary key, name text not null);
insert into customers (name) select 'customer ' || i from generate_series(1, 1000) i;
create table "Order Lines" (id serial primary key, customer int references customers);
insert into "Order Lines" (customer) select 1 + i % 1000 from generate_series(1, 5000) i;`;

const MANY = `
do $$ begin
  for i in 1..2000 loop
    execute format('create table "Table %s" as select %s as a', i, i);
  end loop;
end $$`;

/** A materialized view that asks for a setting, one that no restore may have, and a table and an index in a tablespace. */
const NEEDY = `
alter database needy set app.tenant = 'acme';
alter database needy set default_transaction_read_only = on;
alter database needy set array_nulls = off;
create table lists as select '{1,NULL}'::int[];
set app.tenant = 'acme';
set allow_in_place_tablespaces = on;
create tablespace "fast disk" location '';
create table orders (id int, tenant text) tablespace "fast disk";
insert into orders values (1, 'acme'), (2, 'other');
create index on orders (tenant) tablespace "fast disk";
create materialized view mine as select * from orders where tenant = current_setting('app.tenant');`;

/** The function gives other values each time, but they stay in order. */
const DATED = `
create function since(a int) returns numeric language sql immutable as 'select a - extract(epoch from clock_timestamp())';
create table dated as select i from generate_series(1, 1000) i;
create index by_age on dated (since(i));`;

describe.skipIf(!hasRedis() || !hasPostgres())('a restore test', () => {
  const cleanup = new AsyncDisposableStack();
  let servers: Servers;
  let stage: VerifyStage;

  beforeAll(async () => {
    servers = cleanup.use(
      await startServers({
        shop: SHOP,
        odd: ODD_DATABASE,
        many: MANY,
        sorted: SORTED_DATABASE,
        dated: DATED,
        needy: NEEDY,
        busy: 'create table t as select 1 as a; create table shrunk as select i from generate_series(1, 50) i',
      }),
    );
    stage = cleanup.use(await setVerifyStage({ ...servers, databases: 'shop,odd,many,sorted,dated,busy,needy' }));
    await stage.startWorker();
  });
  afterAll(() => cleanup.disposeAsync());

  it('gives a dump what it takes for granted: settings of its database, and tablespaces', async () => {
    const { name } = await stage.dumpAndUpload('needy');
    expect(await stage.good(name)).toMatchObject({ differences: [] });
  });

  it('of a database with one of nearly everything is GOOD, and says what it compared', async () => {
    const { name, sha256, tables } = await stage.dumpAndUpload('odd');
    const test = await stage.good(name);
    expect(test).toMatchObject({
      name,
      destination: 's3',
      sha256,
      result: 'good',
      differences: [],
      differenceCount: 0,
      tables: expect.any(Number) as number,
      restoreMs: expect.any(Number) as number,
      serverVersion: expect.stringMatching(/^\d+/) as string,
    });
    const rows = Object.values(tables!).reduce((sum, count) => sum + count, 0);
    expect(test.rows).toBe(rows);
    const job = await stage.queue.getJob(`verify.${name}.s3`);
    expect(restoreTestSchema.parse(job?.returnvalue)).toEqual(test);
    expect(job?.progress).toBe(100);
    expect(await stage.logOf(job!.id!)).toMatch(/fetched .*sha256 as in the manifest[^]*GOOD: /);
    await stage.expectNothingLeft();
  });

  it('of 2,000 tables is GOOD', async () => {
    const { name, source } = await stage.dumpAndUpload('many');
    expect(Object.keys(source!.tables)).toHaveLength(2000);
    expect(await stage.good(name)).toMatchObject({ tables: 2000, rows: 2000, differences: [], notes: [] });
  });

  it('of a dump during which rows were deleted at the source is GOOD: what counts is what it began with', async () => {
    await using worker = await stage.dumps.startWorker({ VERIFY_SCHEDULE: 'off' });
    // pg_dump has its snapshot before it locks its tables.
    const lock = await lockTable(servers.postgres, 'busy');
    const job = await stage.dumps.enqueue('busy');
    const waiting = `select count(*) from pg_stat_activity
      where datname = 'busy' and wait_event_type = 'Lock' and application_name like 'pgstow %'`;
    await eventually(async () => (await servers.postgres.psql('postgres', waiting)) === '1');
    await servers.postgres.psql('busy', 'delete from shrunk where i > 20');
    await lock[Symbol.asyncDispose]();
    const { manifest } = await stage.dumps.completed(job);
    await worker.stop();
    expect(await servers.postgres.psql('busy', 'select count(*) from shrunk')).toBe('20');
    expect(await stage.good(manifest.name, 'local')).toMatchObject({ rows: 51, differences: [], notes: [] });
  });

  it('of an index on a function that gives other values by then is GOOD: it is in order', async () => {
    const { name } = await stage.dumpOnly('dated');
    expect(await stage.good(name, 'local')).toMatchObject({ rows: 1000, differences: [] });
  });

  it('of a copy in the folder has its own record', async () => {
    const { name } = await stage.dumpOnly('shop');
    const test = await stage.good(name, 'local');
    expect(test).toMatchObject({ destination: 'local', tables: 2, rows: 6000 });
    expect(await stage.record(name, 's3')).toBeUndefined();
  });

  it('of a dump with a bare manifest, as of another tool, learns the rest from its text', async () => {
    const { source: _, roles: __, serverVersion: ___, ...manifest } = await stage.dumpAndUpload('odd');
    const { name } = await stage.rewrite(manifest, {});
    const { notes } = await stage.good(name);
    expect(notes).toContain('the manifest does not say what the source held');
  });

  it('finds the newest dump of a target that the store has confirmed', async () => {
    const { name } = await stage.dumpAndUpload('shop');
    await stage.dumpOnly('shop');
    const job = await stage.queue.add('scheduled', { target: 'shop', destination: 's3' });
    await stage.reaches(job.id!, 'completed');
    expect(await stage.record(name)).toMatchObject({ result: 'good' });
  });

  describe('is BAD', () => {
    const bad = async (name: Parameters<VerifyStage['ask']>[0]) => {
      const job = await stage.reaches(await stage.ask(name), 'failed');
      const record = await stage.record(name);
      expect(record).toMatchObject({ result: 'bad' });
      expect(job.failedReason).toContain(`BAD: ${name} from s3`);
      expect(job.attemptsMade).toBe(1);
      await stage.expectNothingLeft();
      return { job, record: record! };
    };

    it('where rows of the source are not in the dump: it names the table and both counts', async () => {
      const manifest = await stage.dumpAndUpload('shop');
      const { name } = await stage.rewrite(manifest, {
        text: (sql) =>
          sql.replace('\n7\tcustomer 7\n', '\n').replace(/\n.*FOREIGN KEY.*\n/, '\n    ADD CHECK (true);\n'),
        manifest: { tables: { ...manifest.tables, 'public.customers': 999 } },
      });
      const { record, job } = await bad(name);
      expect(record.differences).toContain('table public.customers has 999 rows; the source had 1000');
      expect(await stage.logOf(job.id!)).toContain('difference: table public.customers has 999 rows');
    });

    it('where a sequence would hand out what is taken', async () => {
      const manifest = await stage.dumpAndUpload('shop');
      const { name } = await stage.rewrite(manifest, {
        text: (sql) =>
          sql.replace(/setval\('public.customers_id_seq', 1000, true\)/, "setval('public.customers_id_seq', 10, true)"),
      });
      expect((await bad(name)).record.differences.join()).toMatch(/sequence public.customers_id_seq goes on with 11/);
    });

    it('where an index is missing', async () => {
      const manifest = await stage.dumpAndUpload('shop');
      const { name } = await stage.rewrite(manifest, {
        text: (sql) => sql.replace(/\nALTER TABLE ONLY public."Order Lines"\n.*PRIMARY KEY.*\n/, '\n'),
      });
      expect((await bad(name)).record.differences.join()).toMatch(/Order Lines/);
    });

    it('where pg_amcheck finds the restored index damaged: it names the index, and says how', async () => {
      const { name } = await stage.dumpAndUpload('sorted');
      const { record } = await bad(name);
      expect(record.differences).toEqual([
        expect.stringMatching(/^pg_amcheck: btree index "\w+\.public\.in Order": ERROR: .*order invariant violated/),
      ]);
      expect(record.reason).toContain('in Order');
    });

    it('where it does not restore: it names the table', async () => {
      const manifest = await stage.dumpAndUpload('shop');
      const { name } = await stage.rewrite(manifest, {
        text: (sql) => sql.replace('\n7\tcustomer 7\n', '\n7\tcustomer 7\n7\tcustomer 7\n'),
      });
      const { record } = await bad(name);
      expect(record.reason).toMatch(/it does not restore: .*customers.*could not create unique index|duplicate key/);
    });

    it('where a byte at the store is another one', async () => {
      const { name, bytes } = await stage.dumpAndUpload('shop');
      const object = await servers.s3.getObject(BUCKET, stage.keyOf(name));
      object[Math.floor(bytes / 2)]! ^= 1;
      await servers.s3.putObject(BUCKET, stage.keyOf(name), object);
      const { record } = await bad(name);
      expect(record.reason).toMatch(/what lies at s3 as .* is not the dump: its sha256 is/);
      // The copy in the folder is unchanged.
      expect(await stage.good(name, 'local')).toMatchObject({ result: 'good' });
    });

    it('where the object is cut, and where it is gone', async () => {
      const { name } = await stage.dumpAndUpload('shop');
      const object = await servers.s3.getObject(BUCKET, stage.keyOf(name));
      await servers.s3.putObject(BUCKET, stage.keyOf(name), object.subarray(0, -100));
      expect((await bad(name)).record.reason).toContain('bytes, and its manifest says');
      await servers.s3.deleteObject(BUCKET, stage.keyOf(name));
      expect((await bad(name)).record.reason).toContain('is gone from s3, which had confirmed it');
    });
  });

  describe('COULD NOT TELL', () => {
    it('without an extension of the source: it names it, does not try again, and leaves an earlier verdict', async () => {
      const manifest = await stage.dumpAndUpload('shop');
      await stage.good(manifest.name);
      const extensions = { ...manifest.source!.extensions, no_such_a: '3.4', no_such_b: '2.1' };
      const source = { ...manifest.source!, extensions };
      const other = await stage.dumpAndUpload('shop');
      await stage.rewrite(other, { manifest: { source } });
      const job = await stage.reaches(await stage.ask(other.name), 'failed');
      expect(job.failedReason).toContain('COULD NOT TELL');
      expect(job.failedReason).toContain('lacks the extensions no_such_a, no_such_b');
      expect(job.attemptsMade).toBe(1);
      expect(await stage.record(other.name)).toMatchObject({ result: 'could-not-tell', differences: [] });

      await writeManifestOf(stage, manifest.name, { ...manifest, source });
      await stage.reaches(await stage.ask(manifest.name), 'failed');
      expect(await stage.record(manifest.name)).toMatchObject({ result: 'good' });
    });

    it('without a server of the source: it says which are there', async () => {
      const manifest = await stage.dumpAndUpload('shop');
      const { name } = await stage.rewrite(manifest, { manifest: { serverVersion: '99.1' } });
      const job = await stage.reaches(await stage.ask(name), 'failed');
      expect(job.failedReason).toMatch(/there is no PostgreSQL server 99 here, only \d+/);
      expect(await stage.record(name)).toMatchObject({ result: 'could-not-tell' });
    });

    it.each(['--clean', '--create', '--exclude-table-data=customers'])(
      'of a dump that was made with %s',
      async (options) => {
        const { name } = await stage.dumpOnly('shop', { POSTGRES_EXTRA_OPTS: options });
        const job = await stage.reaches(await stage.ask(name, 'local'), 'failed');
        expect(job.failedReason).toMatch(/^COULD NOT TELL/);
        expect(job.failedReason).toContain(options);
      },
    );

    it('of a dump in an archive: it says where it lies and what to do, and leaves an earlier verdict', async () => {
      const { name } = await stage.dumpAndUpload('shop');
      await stage.good(name);
      const Body = await servers.s3.getObject(BUCKET, stage.keyOf(name));
      const object = { Bucket: BUCKET, Key: stage.keyOf(name), Body };
      await servers.s3.client.sdk.send(new PutObjectCommand({ ...object, StorageClass: 'GLACIER' }));
      const job = await stage.reaches(await stage.ask(name), 'failed');
      expect(job.failedReason).toMatch(
        /^COULD NOT TELL whether .*InvalidObjectState[^]*hint: It lies in an archive \(GLACIER\).*restore-object/,
      );
      expect(job.attemptsMade).toBe(1);
      expect(await stage.record(name)).toMatchObject({ result: 'good' });
    });

    it('of a dump that is not there', async () => {
      const name = formatBackupName('shop', new Date('2020-01-01T00:00:00Z'));
      expect((await stage.reaches(await stage.ask(name), 'failed')).failedReason).toContain('there is no manifest of');
      expect((await stage.reaches(await stage.ask(name, 'elsewhere'), 'failed')).failedReason).toContain(
        'no destination elsewhere is configured, only local, s3',
      );
    });
  });

  it('of a dump that is at the store alone leaves no record without its dump', async () => {
    const { name } = await stage.dumpAndUpload('shop');
    const { deleteDump } = await import('@pgstow/catalog/folder/delete-dump.ts');
    await deleteDump(stage.folder, name);
    const job = await stage.reaches(await stage.ask(name), 'completed');
    expect(job.returnvalue).toMatchObject({ result: 'good', name });
    await expect(readFile(join(stage.folder, `${name}.s3.restore-test.json`))).rejects.toThrow('ENOENT');
  });
});

async function writeManifestOf(stage: VerifyStage, name: string, manifest: object): Promise<void> {
  const { writeFile } = await import('node:fs/promises');
  await writeFile(join(stage.folder, `${name}.manifest.json`), JSON.stringify(manifest));
}
