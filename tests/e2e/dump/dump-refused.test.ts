import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setDumpStage } from '../stage/dump-stage.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';

describe.skipIf(!hasRedis() || !hasPostgres())('a dump that cannot be taken', { concurrent: true }, () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await startServers({
      shop: 'CREATE TABLE secret (a int); CREATE ROLE poor LOGIN PASSWORD $$poor-canary$$',
    });
  });
  afterAll(() => servers[Symbol.asyncDispose]());

  test.each([
    {
      fault: 'a wrong password',
      env: { POSTGRES_PASSWORD: 'wrong-canary' },
      says: /password authentication failed[^]*hint: Check POSTGRES_USER and POSTGRES_PASSWORD/,
    },
    {
      fault: 'an unknown role',
      env: { POSTGRES_USER: 'nobody-here' },
      says: /password authentication failed[^]*hint: Check POSTGRES_USER/,
    },
    {
      fault: 'an unknown database',
      env: { POSTGRES_DB: 'nowhere' },
      says: /"nowhere" does not exist[^]*hint: Check POSTGRES_DB/,
    },
    {
      fault: 'a role that may not read everything',
      env: { POSTGRES_USER: 'poor', POSTGRES_PASSWORD: 'poor-canary' },
      says: /permission denied for table secret[^]*hint: .*GRANT pg_read_all_data/,
    },
    {
      fault: 'a server that insists on what the TLS mode asks for',
      env: { PGSSLMODE: 'require' },
      says: /does not support SSL[^]*hint: Check PGSSLMODE/,
    },
  ])('is given up at once for $fault, and says what to mend', async ({ env, says }) => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    const worker = await stage.startWorker(env);
    const job = await stage.enqueue(env.POSTGRES_DB ?? 'shop');
    const reason = await stage.failed(job);
    expect(reason).toMatch(says);
    expect(`${reason}\n${worker.lines.map(({ text }) => text).join('\n')}`).not.toMatch(/canary/);
    expect(await stage.files()).toEqual([]);
    expect(worker.exit).toBeUndefined();
  });

  test.each([
    { fault: 'an unknown host', env: { POSTGRES_HOST: 'no-such-host.invalid' }, says: /hint: Check POSTGRES_HOST/ },
    {
      fault: 'a server that is down',
      env: { POSTGRES_PORT: '9' },
      says: /Connection refused[^]*hint: Is the server running/,
    },
  ])('is tried again for $fault, and says where to look', async ({ env, says }) => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    const broken = await stage.startWorker(env);
    const job = await stage.enqueue('shop');
    expect(await stage.attemptFailed(job)).toMatch(says);
    await broken.stop();

    await stage.startWorker();
    await stage.retryNow(job);
    await stage.completed(job);
    expect(await stage.files()).toHaveLength(2);
  });

  test('of data that another producer wrote is refused, and the worker goes on', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    const worker = await stage.startWorker({ POSTGRES_DB: 'shop' });
    const foreign = [
      'host=evil dbname=x',
      'postgresql://evil/x',
      '--file=/tmp/x',
      '../../etc/passwd',
      'a;rm -rf /',
      '$(id)',
      'a\nb',
      'a\0b',
      '',
      '__proto__',
      'constructor',
      'SHOP',
      'backup_shop_20260101_000000.sql.gz/../../x',
      'x'.repeat(10_000),
      42,
      null,
      ['shop'],
      { $gt: '' },
    ].map((target): unknown => ({ target }));
    const whole: readonly unknown[] = [
      {},
      null,
      'shop',
      [],
      7,
      { target: 'shop', name: '../x' },
      { target: 'shop', path: '/etc/shadow' },
      JSON.parse('{"target":"shop","__proto__":{"a":1}}'),
      { __proto__: null, Target: 'shop' },
    ];
    for (const data of [...foreign, ...whole]) {
      const job = await stage.dumps.add('anything', data as { target: string }, { attempts: 5 });
      const reason = await stage.failed(job);
      expect(reason).toMatch(/not a configured database|the job's data is not one of ours/);
      expect(reason.length).toBeLessThan(2000);
    }
    expect(worker.exit).toBeUndefined();
    expect(await stage.files()).toEqual([]);
    await stage.dump('shop');
  });
});
