import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServers } from '../stage/start-servers.ts';
import { setVerifyStage, type VerifyStage } from '../stage/verify-stage.ts';

/** What roles own that only a superuser may own, and what they read by rights that are in no dump. */
const GUARDED = `
create role boss superuser; create role demoted superuser; create role clerk; create role readers; create role seer bypassrls;
create role grantor; grant readers to clerk;
create function watch() returns event_trigger language plpgsql as 'begin end';
create event trigger audit_ddl on ddl_command_end execute function watch();
alter event trigger audit_ddl owner to boss;
create foreign data wrapper files; alter foreign data wrapper files owner to demoted;
create publication everything for all tables; alter publication everything owner to demoted;
create subscription news connection 'host=nowhere' publication p with (connect = false, slot_name = none);
alter subscription news owner to demoted; alter role demoted nosuperuser;
create function handler() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler';
create language plown handler handler; alter language plown owner to clerk;
create function in_plown() returns int language plown as 'begin return 1; end'; alter function in_plown() owner to clerk;
create type mood as enum ('low', 'high'); create cast (bigint as mood) with inout as assignment;
create function same(int8, int8) returns bool language internal immutable as 'int8eq';
create operator === (leftarg = int8, rightarg = int8, function = same); alter operator === (int8, int8) owner to clerk;
create operator class odd for type int8 using hash as operator 1 ===, function 1 hashint8(int8);
create table orders as select 1 as id; grant select on orders to readers;
create materialized view mine as select * from orders; alter materialized view mine owner to clerk;
grant select on orders to grantor with grant option;
set session authorization grantor; grant select on orders to public; reset session authorization;
create table secrets as select 1 as id; grant select on secrets to seer; alter table secrets enable row level security;
create materialized view seen as select * from secrets; alter materialized view seen owner to seer;
alter default privileges for role clerk grant select on tables to readers;`;

/** The owner of the view may not read the table, so nobody can build the view. */
const HIDDEN = `
create role stranger; create table hidden as select 1 as id;
create materialized view unread as select * from hidden; alter materialized view unread owner to stranger;`;

describe.skipIf(!hasRedis() || !hasPostgres())('a restore test, whose roles are as they are at the source,', () => {
  const cleanup = new AsyncDisposableStack();
  let stage: VerifyStage;
  beforeAll(async () => {
    const servers = cleanup.use(await startServers({ guarded: GUARDED, hidden: HIDDEN }));
    stage = cleanup.use(await setVerifyStage({ ...servers, databases: 'guarded,hidden' }));
    await stage.startWorker();
  });
  afterAll(() => cleanup.disposeAsync());

  it('is GOOD where a restore with these roles is', async () => {
    const { name, needs } = await stage.dumpOnly('guarded');
    expect(needs?.roles?.find((role) => role.name === 'demoted')?.ownsAsSuperuser).toEqual(
      expect.arrayContaining(['foreign-data wrapper files', 'publication everything']),
    );
    expect(await stage.good(name, 'local')).toMatchObject({ differences: [] });
  });

  it('is GOOD with a manifest that does not say how roles are', async () => {
    const manifest = await stage.dumpAndUpload('guarded');
    const { name } = await stage.rewrite(manifest, {
      manifest: { needs: { settings: [], monetaryLocale: 'C', tablespaces: [] } },
    });
    expect(await stage.good(name)).toMatchObject({ differences: [] });
  });

  it('is BAD where no restore succeeds: a view whose owner may not read what it is of', async () => {
    const { name } = await stage.dumpOnly('hidden');
    await stage.reaches(await stage.ask(name, 'local'), 'failed');
    const record = await stage.record(name, 'local');
    expect(record).toMatchObject({ result: 'bad' });
    expect(record?.reason).toContain(
      'materialized view data public.unread: permission denied for table hidden (42501)',
    );
  });
});
