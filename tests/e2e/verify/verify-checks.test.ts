import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServers, type Servers } from '../stage/start-servers.ts';
import { setVerifyStage, type VerifyStage } from '../stage/verify-stage.ts';

describe.skipIf(!hasRedis() || !hasPostgres())('a restore test with checks of a person’s own', () => {
  const cleanup = new AsyncDisposableStack();
  let servers: Servers;
  let stage: VerifyStage;
  let file: string;

  beforeAll(async () => {
    servers = cleanup.use(
      await startServers({
        shop: `create schema app; create table app.orders (id int); insert into app.orders select generate_series(1, 20);
          alter database shop set search_path = app, public`,
        other: 'create table t (a int)',
      }),
    );
    stage = cleanup.use(await setVerifyStage({ ...servers, databases: 'shop,other' }));
    file = join(cleanup.use(await tempFolder('pgstow-checks-')).path, 'checks.sql');
    await stage.startWorker({ VERIFY_CHECKS: file });
  });
  afterAll(() => cleanup.disposeAsync());

  const testWith = async (text: string, database = 'shop') => {
    await writeFile(file, text);
    const { name } = await stage.dumpOnly(database);
    const jobId = await stage.ask(name, 'local');
    const job = await stage.queue.getJob(jobId);
    return { name, jobId, job };
  };
  const failed = async (text: string) => {
    const { name, jobId } = await testWith(text);
    const job = await stage.reaches(jobId, 'failed');
    return { reason: job.failedReason, attempts: job.attemptsMade, record: await stage.record(name, 'local') };
  };

  it('is GOOD where each returns what is wanted, with the search path of its database', async () => {
    const text = `-- check: enough
      -- database: shop
      select count(*) >= 20 from orders;
      select id from orders where id < 0; -- returns: no rows`;
    const { name } = await testWith(text);
    expect(await stage.good(name, 'local')).toMatchObject({ checks: 2, notes: [] });
  });

  it('does not run the checks of another database', async () => {
    const { name } = await testWith('-- database: shop\nselect count(*) > 1000 from orders;', 'other');
    expect(await stage.good(name, 'local')).toMatchObject({ checks: 0, differences: [] });
  });

  it('is BAD where one returns something else or asks for what is missing: each by its name', async () => {
    const { reason, record } = await failed(`-- check: enough
      select count(*) > 1000 from orders;
      -- check: invoices
      select count(*) > 0 from invoices;`);
    expect(reason).toMatch(/^BAD: .*check "enough": it returns false, and true is wanted/);
    expect(record).toMatchObject({
      result: 'bad',
      differences: [
        'check "enough": it returns false, and true is wanted',
        'check "invoices": relation "invoices" does not exist (42P01)',
      ],
      findings: [expect.stringMatching(/^[0-9a-f]{16}$/), expect.stringMatching(/^[0-9a-f]{16}$/)],
    });
  });

  it.each([
    ['that is no SQL', '-- check: odd\nselct true;', 'check "odd" cannot be run: syntax error at or near "selct"'],
    ['that writes', '-- check: odd\ndelete from orders;', 'check "odd" cannot be run: syntax error'],
    [
      'that hangs',
      '-- check: odd\n-- timeout: 1\nselect pg_sleep(600) is null;',
      'check "odd" cannot be run: it took more than 1 s',
    ],
    ['in a file that is wrong', `select 'open;`, 'line 1: a quote or a comment that begins there is not closed'],
  ])('COULD NOT TELL for a query %s, and is not tried again', async (_, text, why) => {
    const { reason, attempts, record } = await failed(text);
    expect(reason).toMatch(/^COULD NOT TELL/);
    expect(reason).toContain(why);
    expect(attempts).toBe(1);
    expect(record).toMatchObject({ result: 'could-not-tell', tables: 1, rows: 20 });
  });

  it('is BAD for what differs, though another query cannot be run', async () => {
    const { reason, record } = await failed('select count(*) > 1000 from orders;\nselect 1 / 0;');
    expect(reason).toMatch(/^BAD/);
    expect(record?.notes).toContain('check "select 1 / 0" cannot be run: division by zero (22012)');
  });
});
