import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { canMakeLocale, makeLocales } from '@pgstow/testing/machine/make-locales.ts';
import { startPostgres } from '@pgstow/testing/servers/postgres-server.ts';
import { startRedis } from '@pgstow/testing/servers/redis-server.ts';
import { startS3 } from '@pgstow/testing/servers/s3-server.ts';
import { describe, expect, it } from 'vitest';
import { BUCKET } from '../stage/settings-of.ts';
import { setVerifyStage } from '../stage/verify-stage.ts';

const BRITISH = 'en_GB.UTF-8';
/** Its 1.234,50 is 1.23 elsewhere: no error says so. */
const GERMAN = 'de_DE.UTF-8';

describe.skipIf(!hasRedis() || !hasPostgres() || !canMakeLocale(BRITISH) || !canMakeLocale(GERMAN))(
  'a restore test of money',
  () => {
    it('reads it in the locale in which the source wrote it, and without that cannot tell', async () => {
      await using locales = await makeLocales(BRITISH, GERMAN);
      await using redis = await startRedis();
      await using s3 = await startS3({ buckets: [BUCKET] });
      await using postgres = await startPostgres({ localeFolder: locales.path });
      await postgres.createDatabase('shop');
      await postgres.psql(
        'shop',
        `alter database shop set lc_monetary = '${BRITISH}'; create table invoice (id int primary key, total money);
       insert into invoice values (1, 1234.50)`,
      );
      await postgres.createDatabase('laden');
      await postgres.psql(
        'laden',
        `alter database laden set lc_monetary = '${GERMAN}'; create domain price as money; create type posten as (preise price[]);
       create table rechnung (p posten); insert into rechnung values (row(array[1234.50]::price[])::posten)`,
      );
      await using stage = await setVerifyStage({ redis, s3, postgres, databases: 'shop,laden' });
      const { name, needs } = await stage.dumpOnly('shop');
      expect(needs?.monetaryLocale).toBe(BRITISH);
      expect(await postgres.psql('shop', 'select total from invoice')).toBe('£1,234.50');

      const german = await stage.dumpOnly('laden');

      const without = await stage.startWorker();
      const failed = await stage.reaches(await stage.ask(name, 'local'), 'failed');
      expect(failed.failedReason).toMatch(/^COULD NOT TELL.*lc_monetary/);
      const misread = await stage.reaches(await stage.ask(german.name, 'local'), 'failed');
      expect(misread.failedReason).toMatch(
        /^COULD NOT TELL.*does not read money as the source writes it, as in -1\.234\.567,89 € \(lc_monetary\)/,
      );
      await without.stop();
      await stage.startWorker({ LOCPATH: locales.path });
      expect(await stage.good(name, 'local')).toMatchObject({ rows: 1, differences: [] });
      expect(await stage.good(german.name, 'local')).toMatchObject({ rows: 1, differences: [] });
    });
  },
);
