import { scheduleId } from '@pgstow/shared/contract/jobs.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startPostgres } from '@pgstow/testing/servers/postgres-server.ts';
import { startRedis } from '@pgstow/testing/servers/redis-server.ts';
import { startS3 } from '@pgstow/testing/servers/s3-server.ts';
import { describe, expect, it } from 'vitest';
import { runCli } from '../stage/processes/run-cli.ts';
import { BUCKET, settingsOf } from '../stage/settings-of.ts';
import { setVerifyStage } from '../stage/verify-stage.ts';

describe.skipIf(!hasRedis() || !hasPostgres())('a backup, as the command line tells it', () => {
  it('is uploaded, then restored and good; and bad once rows are missing from it', async () => {
    await using redis = await startRedis();
    await using postgres = await startPostgres();
    await using s3 = await startS3({ buckets: [BUCKET] });
    await postgres.createDatabase('shop');
    await postgres.psql('shop', 'create table t as select i from generate_series(1, 1000) i');
    await using stage = await setVerifyStage({ redis, postgres, s3, databases: 'shop' });
    const { dumps, prefix } = stage;
    await dumps.dumps.upsertJobScheduler(scheduleId('shop'), { every: 86_400_000 }, { data: { target: 'shop' } });
    const env = {
      ...dumps.settings,
      ...settingsOf({ s3, prefix }),
    };
    const pgstow = (...args: readonly string[]) => runCli(args, env);
    const state = async () => /local s3 +(\w+)$/m.exec((await pgstow('list', 'shop')).stdout)?.[1];

    const manifest = await stage.dumpAndUpload('shop');
    expect(await state()).toBe('uploaded');
    expect(await pgstow('status')).toMatchObject({ code: 0, stdout: expect.stringMatching(/never .* healthy$/) });

    await stage.startWorker();
    const good = await pgstow('verify', '--wait');
    expect(good).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`GOOD  ${manifest.name}: 1 table, 1,000 rows`),
    });
    expect(await state()).toBe('restored');
    expect(await pgstow('status')).toMatchObject({ code: 0, stdout: expect.stringMatching(/good, .* healthy$/) });

    await stage.rewrite(manifest, { text: (sql) => sql.replace(/^500\n/m, '') });
    // The receipt confirms the earlier content.
    expect(await state()).toBe('dumped');
    const bad = await pgstow('verify', manifest.name, '--wait');
    expect(bad).toMatchObject({ code: 4, stderr: 'pgstow: the restore test is bad: shop' });
    expect(bad.stdout).toMatch(/BAD {2}backup_shop[^]*\n {2}.*public\.t.*999/);
    expect(await state()).toBe('bad');
    expect(await pgstow('status')).toMatchObject({
      code: 6,
      stdout: expect.stringMatching(/bad, .* NOT HEALTHY\n[^]*shop: its newest restore test, .* is bad/),
    });
  });
});
