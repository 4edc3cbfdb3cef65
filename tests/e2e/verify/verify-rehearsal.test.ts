import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { installedMajors, testedMajor } from '@pgstow/testing/machine/tested-postgres.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GREETED } from '../stage/greeted-database.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';
import { setVerifyStage, type VerifyStage } from '../stage/verify-stage.ts';

describe.skipIf(!hasRedis() || !hasPostgres())('the rehearsal of an upgrade', () => {
  let servers: Servers;
  let stage: VerifyStage;

  beforeAll(async () => {
    servers = await startServers({
      shop: `create table t (i int primary key, d text default now()); insert into t select generate_series(1, 2000);
        create materialized view m as select count(*) from t;
        set allow_in_place_tablespaces = on; create tablespace elsewhere location '';
        create table far (a int) tablespace elsewhere`,
      ...(testedMajor() < 17 ? {} : { greeted: GREETED }),
      // PostgreSQL 17 has neither the column nor the extension any more.
      ...(testedMajor() >= 17
        ? {}
        : {
            old: `create table kept (a int); insert into kept values (1);
              create view writes as select buffers_backend from pg_stat_bgwriter; create view more as select * from writes`,
            admin: 'create extension adminpack',
          }),
    });
  });
  beforeEach(async () => {
    stage = await setVerifyStage({ ...servers, databases: 'shop,old,admin,greeted' });
  });
  afterEach(() => stage[Symbol.asyncDispose]());
  afterAll(() => servers[Symbol.asyncDispose]());

  it('names a version that is not there, and changes no verdict', async () => {
    await stage.startWorker({ VERIFY_REHEARSE: '99' });
    const { name } = await stage.dumpOnly('shop');
    const { rehearsal } = await stage.good(name, 'local');
    expect(rehearsal).toMatchObject({
      major: 99,
      result: 'not-made',
      reason: expect.stringMatching(/there is no PostgreSQL server 99 here, only \d+/),
    });
    expect(await stage.logOf(`verify.${name}.local`)).toMatch(/upgrade to PostgreSQL 99: not rehearsed: there is no/);
    await stage.expectNothingLeft();
  });

  it('is not made for the version that the source has', async () => {
    await stage.startWorker({ VERIFY_REHEARSE: String(servers.postgres.major) });
    const { name } = await stage.dumpOnly('shop');
    expect((await stage.good(name, 'local')).rehearsal).toBeUndefined();
  });

  it('is made for a version that a person asks for, of a test that waits, too', async () => {
    const { major } = servers.postgres;
    const { name } = await stage.dumpOnly('shop');
    await stage.ask(name, 'local');
    await stage.ask(name, 'local', major);
    await stage.startWorker({ VERIFY_REHEARSE: '99' });
    expect((await stage.good(name, 'local')).rehearsal).toMatchObject({
      major,
      reason: `its source is of PostgreSQL ${major} already`,
    });
  });

  it('lets a login trigger keep nobody out, and lets it write nothing', async ({ skip }) => {
    const { major } = servers.postgres;
    const newer = installedMajors().find((installed) => installed > major);
    skip(newer === undefined || major < 17, 'no server of 17 or newer with a newer one beside it is here');
    await stage.startWorker({ VERIFY_REHEARSE: String(newer) });
    const { name } = await stage.dumpOnly('greeted');
    expect((await stage.good(name, 'local')).rehearsal).toMatchObject({ result: 'survives', findings: [] });
  });

  it('says what survives and what would not', async ({ skip }) => {
    const { major } = servers.postgres;
    const newer = installedMajors().find((installed) => installed >= 17 && installed > major);
    skip(newer === undefined || major >= 17, 'no server of 17 or newer is here beside one of 16 or older');
    await stage.startWorker({ VERIFY_REHEARSE: String(newer) });
    const rehearsalOf = async (database: string) => {
      const { name } = await stage.dumpOnly(database);
      return (await stage.good(name, 'local')).rehearsal;
    };
    expect(await rehearsalOf('shop')).toMatchObject({ result: 'survives', major: newer, findings: [] });
    expect(await rehearsalOf('old')).toMatchObject({
      result: 'differs',
      findings: [
        // From PostgreSQL 16 on, a view of one table names a column alone.
        `view public.writes: column ${major < 16 ? 'pg_stat_bgwriter.buffers_backend' : '"buffers_backend"'} does not exist (42703)`,
        'view public.more: relation "public.writes" does not exist (42P01)',
      ],
      findingCount: 2,
    });
    expect(await rehearsalOf('admin')).toMatchObject({
      result: 'not-made',
      reason: 'the scratch server lacks the extension adminpack',
    });
    await stage.expectNothingLeft();
  });
});
