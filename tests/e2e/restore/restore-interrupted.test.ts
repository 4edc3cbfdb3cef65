import { chown, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@pgstow/testing/eventually.ts';
import { canMountTmpfs, hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { smallDisk } from '@pgstow/testing/machine/small-disk.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { descendants } from '@pgstow/testing/processes/running-processes.ts';
import { startFaultProxy } from '@pgstow/testing/servers/fault-proxy.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { startS3 } from '@pgstow/testing/servers/s3-server.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noiseTable } from '../stage/dump-stage.ts';
import { launchCli } from '../stage/processes/run-cli.ts';
import { contentsOf, makeBackup, runRestore } from '../stage/restore-stage.ts';
import { settingsOf } from '../stage/settings-of.ts';

const MB = 1_000_000;

describe.skipIf(!hasPostgres())(
  'a restore that ends half-way leaves the target as it was',
  { concurrent: true },
  () => {
    let postgres: PostgresServer;
    beforeAll(async () => {
      postgres = await startPostgres();
      await postgres.createDatabase('shop');
      await postgres.psql('shop', noiseTable(5));
    });
    afterAll(() => postgres[Symbol.asyncDispose]());

    const fullDatabase = async (name: string) => {
      await postgres.createDatabase(name);
      await postgres.psql(name, 'create table kept as select i from generate_series(1, 100) i; select lo_create(5)');
      return contentsOf(postgres, name);
    };
    const activity = (database: string) =>
      postgres.psql('postgres', `select string_agg(query, ',') from pg_stat_activity where datname = '${database}'`);

    test.each([
      ['SIGINT', 130],
      ['SIGTERM', 130],
      ['SIGKILL', null],
    ] as const)('by %s, amid a statement and amid the rows of a table', async (signal, code) => {
      const before = await fullDatabase(signal);
      const sleep = '\nSELECT pg_sleep(600);\n';
      for (const [what, change] of [
        ['pg_sleep', (sql: string) => sql.replace('\n\\.\n', `\n\\.\n${sleep}`)],
        ['COPY', (sql: string) => sql.replace('i integer', 'i integer CHECK (pg_sleep(0.002) IS NOT NULL)')],
      ] as const) {
        await using folder = await tempFolder();
        await makeBackup(postgres, 'shop', folder.path, { change, more: { roles: [] } });
        await using child = await launchCli(
          ['restore', 'shop', '--to', signal, '--force'],
          settingsOf({ postgres, databases: 'shop', folder: folder.path }),
        );
        await eventually(async () => (await activity(signal)).includes(what), { everyMs: 10 });
        const psql = descendants(child.pid).filter(({ command }) => /psql .*--file=-/.test(command));
        expect(psql).toHaveLength(1);
        child.signal(signal);
        expect(await child.waitForExit()).toMatchObject({ code });
        // The server checks every two seconds whether its client is still there.
        await eventually(async () => (await activity(signal)) === '');
        expect(await contentsOf(postgres, signal)).toEqual(before);
      }
    });

    test('and drops what it created when it is interrupted', async () => {
      await using folder = await tempFolder();
      const change = (sql: string) => sql.replace('\n\\.\n', '\n\\.\n\nSELECT pg_sleep(600);\n');
      await makeBackup(postgres, 'shop', folder.path, { change, more: { roles: [] } });
      const env = settingsOf({ postgres, databases: 'shop', folder: folder.path });
      await using child = await launchCli(['restore', 'shop', '--to', 'created', '--create'], env);
      await eventually(async () => (await activity('created')).includes('pg_sleep'));
      child.signal('SIGINT');
      expect(await child.waitForExit()).toMatchObject({ code: 130 });
      expect(await postgres.psql('postgres', "select count(*) from pg_database where datname = 'created'")).toBe('0');
    });

    test('but not after it was restored, and says so', async () => {
      await using folder = await tempFolder();
      // Quick in the restore's transaction, endless in the ANALYZE after it.
      const slow = `CREATE FUNCTION public.slow(i integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$BEGIN
        IF coalesce(current_setting('pgstow.restore', true), '') = '' THEN PERFORM pg_sleep(600); END IF;
        RETURN i; END$$;
        CREATE INDEX ON public.noise (public.slow(i));`;
      const change = (sql: string) =>
        sql.replace('\n--\n-- PostgreSQL database dump complete', (end) => `\n${slow}${end}`);
      await makeBackup(postgres, 'shop', folder.path, { change, more: { roles: [] } });
      const env = settingsOf({ postgres, databases: 'shop', folder: folder.path });
      await using child = await launchCli(['restore', 'shop', '--to', 'analysed', '--create'], env);
      await child.waitForLine(/restored .* of SQL in/);
      await eventually(async () => (await activity('analysed')).includes('analyze'));
      child.signal('SIGINT');
      expect(await child.waitForExit()).toMatchObject({ code: 130 });
      expect(child.tail).toContain('it is restored, and stays so; its ANALYZE and comparison were cut off');
      expect(await postgres.psql('analysed', 'select count(*) > 0 from noise')).toBe('t');
    });

    test('while it is fetched, and nothing stays staged', async () => {
      await using s3 = await startS3({ buckets: ['backups'] });
      await using proxy = await startFaultProxy({ targetPort: s3.port });
      await using folder = await tempFolder();
      await using staging = await tempFolder();
      const { manifest } = await makeBackup(postgres, 'shop', folder.path, { more: { roles: [] } });
      for (const name of [manifest.name, `${manifest.name}.manifest.json`])
        await s3.client.putObject('backups', name, await readFile(join(folder.path, name)));
      const before = await fullDatabase('staged');
      const env = {
        ...settingsOf({ postgres, databases: 'shop', folder: '/nowhere', s3: { ...s3, endpoint: proxy.url } }),
      };
      const args = ['shop', '--to', 'staged', '--force', '--staging', staging.path];
      await proxy.hang({ when: ({ method, path }) => method === 'GET' && /\.sql\.gz(?:\?|$)/.test(path) });
      let rounds = 0;
      for (const [signal, code] of [
        ['SIGINT', 130],
        ['SIGKILL', null],
      ] as const) {
        await using child = await launchCli(['restore', ...args], env);
        await child.waitForLine(/fetching from s3/);
        rounds += 1;
        const asked = (): boolean =>
          proxy.requests.filter(({ method, path }) => method === 'GET' && /\.sql\.gz(?:\?|$)/.test(path)).length >=
          rounds;
        await eventually(asked);
        child.signal(signal);
        expect(await child.waitForExit()).toMatchObject({ code });
        expect(await readdir(staging.path)).toEqual([]);
      }
      await proxy.pass();
      const nowhere = await runRestore([...args.slice(0, -1), '/nowhere'], env);
      expect(nowhere).toMatchObject({ code: 1, text: expect.stringContaining('cannot write to the staging folder') });
      expect(await contentsOf(postgres, 'staged')).toEqual(before);
      expect(await runRestore(args, env)).toMatchObject({ code: 0 });
    });

    describe.skipIf(!canMountTmpfs())('by a full disk', () => {
      test('that a dump from the store was to be put on, before it is begun', async () => {
        await using s3 = await startS3({ buckets: ['backups'] });
        await using folder = await tempFolder();
        const { manifest } = await makeBackup(postgres, 'shop', folder.path, { more: { roles: [] } });
        for (const name of [manifest.name, `${manifest.name}.manifest.json`])
          await s3.client.putObject('backups', name, await readFile(join(folder.path, name)));
        const before = await fullDatabase('unstaged');
        await using disk = await smallDisk(MB);
        const { code, text } = await runRestore(
          ['shop', '--to', 'unstaged', '--force', '--from', 's3', '--staging', disk.path],
          settingsOf({ postgres, databases: 'shop', folder: folder.path, s3 }),
        );
        expect({ code, text }).toMatchObject({
          code: 1,
          text: expect.stringMatching(/no room for the dump.*--staging/s),
        });
        expect(await readdir(disk.path)).toEqual([]);
        expect(await contentsOf(postgres, 'unstaged')).toEqual(before);
      });

      test('of the database server', async () => {
        await using disk = await smallDisk(25 * MB);
        const owner = unprivilegedUser();
        if (owner !== undefined) await chown(disk.path, owner.uid, owner.gid);
        await postgres.psql('postgres', `create tablespace small location '${disk.path}'`);
        await postgres.psql('postgres', 'create database narrow template template0 tablespace small');
        await postgres.psql('narrow', 'create table kept as select 1 as a');
        const before = await contentsOf(postgres, 'narrow');
        await using folder = await tempFolder();
        await postgres.createDatabase('large');
        await postgres.psql('large', noiseTable(30));
        await makeBackup(postgres, 'large', folder.path, { more: { roles: [] } });
        const env = settingsOf({ postgres, databases: 'large', folder: folder.path });
        const { code, text } = await runRestore(['large', '--to', 'narrow', '--force'], env);
        expect({ code, text }).toMatchObject({
          code: 1,
          text: expect.stringMatching(
            /No space left on device \(53100\)\n.*hint: The disk of the database server is full/s,
          ),
        });
        expect(await contentsOf(postgres, 'narrow')).toEqual(before);
        await postgres.dropDatabase('narrow');
        await postgres.psql('postgres', 'drop tablespace small');
      });
    });
  },
);
