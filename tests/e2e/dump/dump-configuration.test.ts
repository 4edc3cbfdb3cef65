import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setDumpStage } from '../stage/dump-stage.ts';
import { mainOf } from '../stage/processes/start-app.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';

const faultsOf = async (env: Readonly<Record<string, string>>): Promise<string> => {
  await using worker = await startProcess({ script: mainOf('dump-worker'), env });
  expect(await worker.waitForExit()).toEqual({ code: 1, signal: null });
  expect(worker.lines.every(({ stream }) => stream === 'stderr')).toBe(true);
  expect(worker.tail).not.toMatch(/^ {2,}at |canary/m);
  return worker.tail;
};

describe.skipIf(!hasRedis() || !hasPostgres())("a dump worker's configuration", () => {
  test('that is missing is named whole', async () => {
    expect(await faultsOf({})).toBe(`dump-worker: the configuration has 3 faults:
  - POSTGRES_HOST: is required and not set
  - POSTGRES_USER: is required and not set
  - POSTGRES_DB: is required and not set
See docs/configuration.md.`);
  });

  test('that is malformed or out of range is named at once, without any secret', async () => {
    const faults = await faultsOf({
      POSTGRES_HOST: 'db',
      POSTGRES_USER: 'backup',
      POSTGRES_PASSWORD: 'canary',
      POSTGRES_DB: `shop,${'x'.repeat(64)}`,
      POSTGRES_PORT: '54x2',
      POSTGRES_EXTRA_OPTS: '--file=/tmp/x',
      PGSSLMODE: 'always',
      BACKUP_DIR: 'relative',
      BACKUP_KEEP_LAST: '0',
      BACKUP_COMPRESSION: 'zip',
      BACKUP_INTERVAL: '-1',
      BACKUP_TIMEOUT: '1e99',
      BACKUP_ON_SHRINK: 'ignore',
      REDIS_URL: 'http://:canary@redis',
      SITE: 'Paris!',
      SHUTDOWN_GRACE: '1.5',
      LOG_LEVEL: 'loud',
      AWS_SECRET_ACCESS_KEY: 'canary',
      S3_BUCKET: 's3://bucket',
      POSTGRES_PASSWORD_FILE: '/nowhere',
    });
    const named = faults.match(/^ {2}- (\w+)/gm)?.map((line) => line.slice(4));
    expect(named?.sort()).toEqual(
      `AWS_ACCESS_KEY_ID BACKUP_COMPRESSION BACKUP_DIR BACKUP_INTERVAL BACKUP_KEEP_LAST BACKUP_ON_SHRINK BACKUP_TIMEOUT
      LOG_LEVEL PGSSLMODE POSTGRES_DB POSTGRES_EXTRA_OPTS POSTGRES_PASSWORD POSTGRES_PORT REDIS_URL S3_BUCKET SHUTDOWN_GRACE
      SITE`.split(/\s+/),
    );
  });

  describe('that is right', () => {
    let servers: Servers;
    beforeAll(async () => {
      servers = await startServers({ shop: `CREATE ROLE odd SUPERUSER LOGIN PASSWORD 'p@ss:/w %rd'` });
    });
    afterAll(() => servers[Symbol.asyncDispose]());

    test('may come from files, and a name that is nearly right is pointed out', async () => {
      await using secrets = await tempFolder();
      await writeFile(join(secrets.path, 'password'), `${servers.postgres.password}\n`);
      await writeFile(join(secrets.path, 'database'), 'shop\n');
      await using stage = await setDumpStage({ ...servers, databases: '' });
      const worker = await stage.startWorker({
        POSTGRES_PASSWORD: '',
        POSTGRES_PASSWORD_FILE: join(secrets.path, 'password'),
        POSTGRES_DB_FILE: join(secrets.path, 'database'),
        BACKUP_KEEP_LATS: '9',
      });
      await stage.dump('shop');
      expect(worker.tail).toMatch(/unknown variable BACKUP_KEEP_LATS is ignored; did you mean BACKUP_KEEP_LAST\?/);
    });

    test('may be one URL, whose password is shown nowhere', async () => {
      await using stage = await setDumpStage({ ...servers, databases: '' });
      const password = 'p@ss:/w %rd';
      const encoded = encodeURIComponent(password);
      const none = { POSTGRES_HOST: '', POSTGRES_PORT: '', POSTGRES_USER: '', POSTGRES_PASSWORD: '' };
      const url = `postgresql://odd:${encoded}@127.0.0.1:${servers.postgres.port}/shop`;
      const worker = await stage.startWorker({ ...none, DATABASE_URL: url });
      await stage.dump('shop');
      for (const text of [password, encoded]) expect(worker.tail).not.toContain(text);
    });
  });
});
