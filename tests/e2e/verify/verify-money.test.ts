import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { canMakeLocale, makeLocales } from '@pgstow/testing/machine/make-locales.ts';
import { startPostgres } from '@pgstow/testing/servers/postgres-server.ts';
import { startRedis } from '@pgstow/testing/servers/redis-server.ts';
import { startS3 } from '@pgstow/testing/servers/s3-server.ts';
import { describe, expect, it } from 'vitest';
import { BUCKET } from '../stage/settings-of.ts';
import { setVerifyStage } from '../stage/verify-stage.ts';

const BRITISH = 'en_GB.UTF-8';

describe.skipIf(!hasRedis() || !hasPostgres() || !canMakeLocale(BRITISH))('a restore test of money', () => {
  it('reads it in the locale in which the source wrote it, and without that cannot tell', async () => {
    await using locales = await makeLocales(BRITISH);
    await using redis = await startRedis();
    await using s3 = await startS3({ buckets: [BUCKET] });
    await using postgres = await startPostgres({ localeFolder: locales.path });
    await postgres.createDatabase('shop');
    await postgres.psql(
      'shop',
      `alter database shop set lc_monetary = '${BRITISH}'; create table invoice (id int primary key, total money);
       insert into invoice values (1, 1234.50)`,
    );
    await using stage = await setVerifyStage({ redis, s3, postgres, databases: 'shop' });
    const { name, needs } = await stage.dumpOnly('shop');
    expect(needs?.monetaryLocale).toBe(BRITISH);
    expect(await postgres.psql('shop', 'select total from invoice')).toBe('£1,234.50');

    const without = await stage.startWorker();
    const failed = await stage.reaches(await stage.ask(name, 'local'), 'failed');
    expect(failed.failedReason).toMatch(/^COULD NOT TELL.*lc_monetary/);
    await without.stop();
    await stage.startWorker({ LOCPATH: locales.path });
    expect(await stage.good(name, 'local')).toMatchObject({ rows: 1, differences: [] });
  });
});
