import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServers } from '../stage/start-servers.ts';
import { setVerifyStage, type VerifyStage } from '../stage/verify-stage.ts';

/** A check whose function calls another by its bare name. */
const LEANING = `
create schema lib; set search_path = public, lib;
create function lib.twice(i int) returns int language sql immutable as 'select i * 2';
create function lib.four_times(i int) returns int language sql immutable as 'select twice(twice(i))';
create table doubled as select i from generate_series(1, 100) i;
alter table doubled add check (four_times(i) > 0);`;

describe.skipIf(!hasPostgres() || !hasRedis())('a restore test of functions that rely on search_path', () => {
  const cleanup = new AsyncDisposableStack();
  let stage: VerifyStage;
  beforeAll(async () => {
    const servers = cleanup.use(await startServers({ leaning: LEANING }));
    stage = cleanup.use(await setVerifyStage({ ...servers, databases: 'leaning' }));
  });
  afterAll(() => cleanup.disposeAsync());

  it('is BAD as a plain restore is, and good with the schemas of VERIFY_SEARCH_PATH', async () => {
    const { name } = await stage.dumpOnly('leaning');
    const failing = async (env: Readonly<Record<string, string>>): Promise<string> => {
      const worker = await stage.startWorker(env);
      const { failedReason } = await stage.reaches(await stage.ask(name, 'local'), 'failed');
      await worker.stop();
      return failedReason;
    };
    expect(await failing({})).toMatch(
      /^BAD: .*does not restore.*function twice\(integer\) does not exist.*\nhint: .*VERIFY_SEARCH_PATH.* Take a new dump/,
    );
    expect(await stage.record(name, 'local')).toMatchObject({ result: 'bad' });
    expect(await failing({ VERIFY_SEARCH_PATH: 'lib,' })).toMatch(
      /^COULD NOT TELL .*invalid value for parameter "search_path".*\nhint: VERIFY_SEARCH_PATH names schemas/,
    );
    await stage.startWorker({ VERIFY_SEARCH_PATH: 'other=nowhere; leaning=public, lib' });
    const { notes } = await stage.good(name, 'local');
    expect(notes).toEqual([expect.stringContaining('restored with the search_path public, lib (VERIFY_SEARCH_PATH)')]);
  });
});
