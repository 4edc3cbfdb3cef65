import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startHttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setDumpStage, type DumpStage } from '../stage/dump-stage.ts';
import { runCli } from '../stage/processes/run-cli.ts';
import { runRestore } from '../stage/restore-stage.ts';
import { settingsOf } from '../stage/settings-of.ts';
import { postedTo } from '../stage/witnesses/posted-to.ts';

describe.skipIf(!hasRedis() || !hasPostgres())('a dump of another server', () => {
  let redis: RedisServer;
  let production: PostgresServer;
  let staging: PostgresServer;
  beforeAll(async () => {
    [redis, production, staging] = await Promise.all([startRedis(), startPostgres(), startPostgres()]);
    for (const [server, origin] of [
      [production, 'production'],
      [staging, 'staging'],
    ] as const) {
      await server.createDatabase('shop');
      await server.psql('shop', `create table t as select '${origin}' a from generate_series(1, 500)`);
    }
  });
  afterAll(async () => {
    for (const server of [redis, production, staging]) await server[Symbol.asyncDispose]();
  });

  /** Dumps with a worker that has that server as its source. */
  async function dumpOf(server: PostgresServer, stage: DumpStage, env: Readonly<Record<string, string>>) {
    const worker = await stage.startWorker({
      ...env,
      ...settingsOf({ postgres: server, databases: 'shop', folder: stage.folder }),
    });
    const dump = await stage.dump('shop');
    await worker.stop();
    return dump;
  }

  test('drives none out, raises an alarm, is not restored by chance, and counts once it is accepted', async () => {
    await using endpoint = await startHttpEndpoint();
    await using stage = await setDumpStage({ redis, postgres: production, databases: 'shop' });
    const env = { BACKUP_KEEP_LAST: '2', VERIFY_SCHEDULE: 'off', NOTIFY_URLS: endpoint.url };
    const told = () => postedTo(endpoint);
    const namesOf = async () => (await stage.known()).map(({ manifest }) => manifest.name);
    const cli = (...args: readonly string[]) => runCli(args, { ...stage.settings, ...env });

    const ours = [await dumpOf(production, stage, env), await dumpOf(production, stage, env)];
    const [address, stagingAddress] = [production, staging].map(({ host, port }) => `${host}:${port}`);
    expect(ours[1]?.manifest.identity).toMatchObject({ address, systemIdentifier: expect.stringMatching(/^\d+$/) });
    const theirs = [await dumpOf(staging, stage, env), await dumpOf(staging, stage, env)];
    expect(theirs.map(isSuspect)).toEqual([true, true]);
    expect(await namesOf()).toEqual([...ours, ...theirs].map(({ manifest }) => manifest.name));
    const why = new RegExp(
      `it is of ${stagingAddress} \\(system identifier \\d+, database oid \\d+\\), and the last one that counts is of ${address} \\(`,
    );
    await eventually(() => told().length > 0);
    expect(told()).toEqual([
      expect.objectContaining({
        kind: 'dump-suspect',
        name: theirs[0]?.manifest.name,
        happened: expect.stringMatching(why),
        hint: expect.stringContaining('it is the wrong server'),
      }),
    ]);
    expect((await cli('list', 'shop', '--long')).stdout).toContain(stagingAddress);

    const to = ['shop', '--to', 'restored', '--create'];
    const chance = await runRestore(to, stage.settings);
    expect(chance.code).toBe(3);
    expect(chance.text).toContain('there are backups of two servers under the name shop');
    for (const dump of [ours[1], theirs[1]]) expect(chance.text).toContain(`--at ${dump?.manifest.name}`);

    const doctor = await runCli(['doctor', '--json'], {
      ...stage.settings,
      ...settingsOf({ postgres: staging, databases: 'shop', folder: stage.folder }),
    });
    const { findings } = JSON.parse(doctor.stdout) as { findings: readonly { check: string }[] };
    expect(findings.find(({ check }) => check === 'postgres.identity')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('the next one will be suspect'),
    });

    // The right server again: suspect dumps neither block nor replace good ones.
    const third = await dumpOf(production, stage, env);
    expect(isSuspect(third)).toBe(false);
    expect(await namesOf()).toEqual([ours[1], ...theirs, third].map((dump) => dump?.manifest.name));
    await eventually(() => told().some(({ event }) => event === 'recovered'));

    // As with a new server after a disaster.
    const fourth = await dumpOf(staging, stage, env);
    expect(isSuspect(fourth)).toBe(true);
    const accepted = await cli('accept', 'latest', '--database', 'shop', '--reason', 'moved to a new server');
    expect([accepted.code, accepted.stdout]).toEqual([0, expect.stringMatching(why)]);
    const fifth = await dumpOf(staging, stage, env);
    expect(isSuspect(fifth)).toBe(false);
    expect(await namesOf()).toEqual([fourth.manifest.name, fifth.manifest.name]);
    const restored = await runRestore(to, stage.settings);
    expect([restored.code, restored.text]).toEqual([0, expect.stringContaining(`of the server ${stagingAddress} (`)]);
    expect((await production.psql('restored', 'select distinct a from t')).trim()).toBe('staging');
  });
});
