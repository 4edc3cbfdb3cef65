import { copyFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@pgstow/testing/eventually.ts';
import { canMountTmpfs, hasCommand, hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { descendants } from '@pgstow/testing/processes/running-processes.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { startHttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import type { PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { setDumpStage, type DumpStage } from '../stage/dump-stage.ts';
import { mainOf } from '../stage/processes/start-app.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';

/** Puts a script as pg_dump beside the real psql. `$REAL` is the real pg_dump. */
async function fakePgDump(
  folder: TempFolder,
  postgres: PostgresServer,
  script: string,
  version = `${postgres.major}.99`,
): Promise<void> {
  await writeFile(
    join(folder.path, 'pg_dump'),
    `#!/bin/sh
REAL='${postgres.binDir}/pg_dump'
if [ "$1" = --version ]; then echo 'pg_dump (PostgreSQL) ${version}'; exit; fi
${script}
`,
    { mode: 0o755 },
  );
  await copyFile(join(postgres.binDir, 'psql'), join(folder.path, 'psql'));
}

/** A version older than any in use. */
const OLDER = '7.4';

function pathFrom(...folders: readonly TempFolder[]): string {
  return [...folders.map(({ path }) => path), process.env['PATH']].join(':');
}

describe.skipIf(!hasRedis() || !hasPostgres())('pg_dump', () => {
  let servers: Servers;
  let fake: TempFolder;
  let stage: DumpStage;
  let worker: BoundProcess;
  beforeAll(async () => {
    servers = await startServers({
      shop: 'CREATE TABLE t AS SELECT i, md5(i::text) FROM generate_series(1, 50000) i',
    });
    fake = await tempFolder('pgstow-fake-');
    stage = await setDumpStage({ ...servers, databases: 'shop' });
    worker = await stage.startWorker({ PATH: pathFrom(fake) });
  });
  afterEach(async () => {
    for (const file of await stage.files()) await rm(join(stage.folder, file));
    for (const file of await readdir(fake.path)) await rm(join(fake.path, file));
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    await fake[Symbol.asyncDispose]();
    await servers[Symbol.asyncDispose]();
  });

  test.each([
    {
      does: 'that writes half and exits 1',
      script: '"$REAL" "$@" | head -c 500000; echo "pg_dump: error: something broke" >&2; exit 1',
      says: /^pg_dump exited with code 1 for "shop": pg_dump: error: something broke\nhint: pgstow does not know this message/,
    },
    {
      does: 'that writes half and exits 0',
      script: '"$REAL" "$@" | head -c 500000',
      says: /does not end with pg_dump's completion line/,
    },
    { does: 'that writes nothing and exits 0', script: 'exit 0', says: /does not end with pg_dump's completion line/ },
    {
      does: 'that goes on after its end',
      script: '"$REAL" "$@"; echo "SELECT 1;"',
      says: /does not end with pg_dump's completion line/,
    },
    {
      does: 'that writes all and exits 1',
      script: '"$REAL" "$@"; exit 1',
      says: /^pg_dump exited with code 1 for "shop"/,
    },
    {
      does: 'that cannot be run',
      script: 'exec /nowhere/pg_dump',
      says: /^pg_dump exited with code 127 for "shop"/,
    },
  ])('$does fails the attempt, and the next one succeeds', async ({ script, says }) => {
    await fakePgDump(fake, servers.postgres, script);
    const job = await stage.enqueue('shop');
    expect(await stage.attemptFailed(job)).toMatch(says);
    expect(await stage.files()).toEqual([]);
    expect(descendants(worker.pid)).toEqual([]);

    await rm(join(fake.path, 'pg_dump'));
    await stage.retryNow(job);
    const { manifest } = await stage.completed(job);
    expect(await stage.files()).toEqual([manifest.name, `${manifest.name}.manifest.json`]);
  });

  test('that hangs fails the attempt, and leaves nothing', async () => {
    await fakePgDump(fake, servers.postgres, '"$REAL" "$@" | head -c 500000; exec sleep 600');
    await using other = await setDumpStage({ ...servers, databases: 'shop' });
    const limited = await other.startWorker({ PATH: pathFrom(fake), BACKUP_STALL_TIMEOUT: '3' });
    const says = /pg_dump wrote nothing for 3 seconds[^]*hint: .*BACKUP_STALL_TIMEOUT/;
    expect(await other.attemptFailed(await other.enqueue('shop'))).toMatch(says);
    expect(await other.files()).toEqual([]);
    expect(descendants(limited.pid)).toEqual([]);
  });

  test('that takes too long fails for good at its first attempt, and raises the alarm', async () => {
    await using endpoint = await startHttpEndpoint();
    await using slow = await setDumpStage({ ...servers, databases: 'shop' });
    const drips = 'while :; do head -c 300000 /dev/urandom | base64; sleep 0.1; done';
    await fakePgDump(fake, servers.postgres, drips);
    const settings = { BACKUP_TIMEOUT: '2', NOTIFY_URLS: endpoint.url };
    const limited = await slow.startWorker({ PATH: pathFrom(fake), ...settings });
    const job = await slow.enqueue('shop');
    const hint =
      'See whether the server or the network is slower than usual. If the dump needs that long, raise BACKUP_TIMEOUT.';
    expect(await slow.failed(job)).toBe(`the dump took longer than 2 seconds (BACKUP_TIMEOUT)\nhint: ${hint}`);
    expect((await slow.dumps.getJob(job.id ?? ''))?.attemptsMade).toBe(1);
    const [told] = await eventually(() => (endpoint.requests.length > 0 ? endpoint.requests : null));
    expect(told?.json).toMatchObject({ event: 'raised', kind: 'dump-failed', database: 'shop', hint });
    expect(await slow.files()).toEqual([]);
    expect(descendants(limited.pid)).toEqual([]);
  });

  test('that has a lot to say on its error output is heard without harm', async () => {
    const talk = 'yes "pg_dump: warning: some words that go on and on" | head -c 300000 >&2; exec "$REAL" "$@"';
    await fakePgDump(fake, servers.postgres, talk);
    const { manifest } = await stage.dump('shop');
    expect(manifest).toMatchObject({ tables: { 'public.t': 50_000 }, pgDumpVersion: `${servers.postgres.major}.99` });
  });

  test('is called with the password nowhere but in its environment, and with nothing else of ours there', async () => {
    await fakePgDump(fake, servers.postgres, 'echo "$@" >&2; env | cut -d= -f1 | sort >&2; exit 1');
    const reason = await stage.attemptFailed(await stage.enqueue('shop'));
    expect(reason).toMatch(/: --format=plain --no-password --lock-wait-timeout=300000 --snapshot=[-\dA-F]+\n/);
    expect(reason).toMatch(/^PGPASSWORD$/m);
    expect(reason).not.toMatch(/^(?:REDIS|AWS|POSTGRES|S3|BACKUP)_/m);
  });

  test('is the one of the nearest version, though PATH leads to an older and a newer one first', async () => {
    await using older = await tempFolder('pgstow-fake-');
    await fakePgDump(older, servers.postgres, 'exit 9', OLDER);
    await using newer = await tempFolder('pgstow-fake-');
    await fakePgDump(newer, servers.postgres, 'exit 9', '99.1');
    await using other = await setDumpStage({ ...servers, databases: 'shop' });
    await other.startWorker({ PATH: pathFrom(older, newer) });
    const { manifest } = await other.dump('shop');
    expect(manifest.pgDumpVersion).toMatch(new RegExp(`^${servers.postgres.major}\\.`));
  });

  test.skipIf(!canMountTmpfs() || !hasCommand('unshare'))(
    'is refused by name where only an older one is installed',
    async () => {
      await fakePgDump(fake, servers.postgres, 'exit 9', OLDER);
      await using other = await setDumpStage({ ...servers, databases: 'shop' });
      // In its own mount namespace, where Debian's folder of clients is empty.
      await using worker = await startProcess({
        command: 'unshare',
        args: [
          '-m',
          'sh',
          '-c',
          'mount -t tmpfs tmpfs /usr/lib/postgresql && exec "$@"',
          'sh',
          process.execPath,
          mainOf('dump-worker'),
        ],
        env: { ...other.settings, PATH: pathFrom(fake) },
      });
      await worker.waitForLine(/"msg":"ready"/);
      expect(await other.failed(await other.enqueue('shop'))).toBe(
        `pg_dump ${OLDER} cannot dump a server of version ${servers.postgres.major}: it is older\nhint: Install pg_dump ${servers.postgres.major} or newer, for instance the package postgresql-client-${servers.postgres.major}.`,
      );
      expect(await other.files()).toEqual([]);
    },
  );
});
