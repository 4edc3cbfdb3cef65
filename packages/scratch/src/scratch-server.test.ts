import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findServers } from '@pgstow/postgres/client/client-version.ts';
import { createDatabase } from '@pgstow/postgres/facts/create-database.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasExtension, hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { testedMajor } from '@pgstow/testing/machine/tested-postgres.ts';
import { isAlive, runningProcesses } from '@pgstow/testing/processes/running-processes.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NoScratchServerError } from './choose-scratch-programs.ts';
import { findPostgres } from './end-postgres.ts';
import { removeScratchServer, startScratchProcess } from './scratch-process.ts';
import { startScratchServer, type ScratchServer } from './scratch-server.ts';

const MIB = 1024 * 1024;
const signal = new AbortController().signal;

describe.skipIf(!hasPostgres())('a scratch server', () => {
  let parent: TempFolder;
  let major: number;
  const options = (folder: string, others: Partial<Parameters<typeof startScratchServer>[0]> = {}) => ({
    folder: join(parent.path, folder),
    major,
    encoding: 'UTF8',
    collate: 'C.UTF-8',
    ctype: 'C.UTF-8',
    memoryBytes: 128 * MIB,
    signal,
    ...others,
  });

  beforeAll(async () => {
    parent = await tempFolder('pgstow-scratch-test-', unprivilegedUser());
    major = testedMajor();
  });
  afterAll(() => parent[Symbol.asyncDispose]());

  describe('that runs', () => {
    let server: ScratchServer;
    beforeAll(async () => {
      server = await startScratchServer(options('runs'));
    });
    afterAll(() => server[Symbol.asyncDispose]());

    it('listens on nothing but a socket that only its user reaches', async () => {
      expect(await server.query('postgres', 'show listen_addresses')).toBe('');
      const socket = server.env('postgres')['PGHOST']!;
      expect((await stat(socket)).mode & 0o777).toBe(0o700);
      expect((await readdir(socket)).sort()).toEqual(['.s.PGSQL.5432', '.s.PGSQL.5432.lock']);
      expect((await stat(join(parent.path, 'runs'))).mode & 0o777).toBe(0o700);
    });

    it('has no network, or says that it has', async () => {
      const interfaces = await server.query('postgres', "select pg_read_file('/proc/self/net/dev')");
      const others = interfaces.split('\n').filter((line) => /^\s*\w+:/.test(line) && !/^\s*lo:/.test(line));
      expect(server.notes.join().includes('had the network of this host')).toBe(others.length > 0);
    });

    it('holds a database of any name, encoding and locale', async () => {
      const name = `He said "it's" ü`;
      await server.createDatabase(name);
      const sql =
        'select current_database(), pg_encoding_to_char(encoding), datcollate from pg_database where datname = current_database()';
      expect(await server.query(name, sql)).toBe(`${name}\tUTF8\tC.UTF-8`);
      expect(server.isOtherLocale).toBe(false);
    });

    it('sorts by ICU what the source sorted by ICU', async () => {
      const source = {
        encoding: 'UTF8',
        collate: 'xx_XX',
        ctype: 'xx_XX',
        localeProvider: 'icu',
        locale: 'en-US',
      } as const;
      const note = await createDatabase('icu', source, (sql) => server.query('postgres', sql));
      expect(note).toContain('no locale en-US of icu with xx_XX');
      expect(await server.query('icu', "select 'a' < 'B'")).toBe('t');
    });

    it('commits one transaction with 2,000 tables and their indexes in the least memory', async () => {
      await server.createDatabase('wide');
      const tables = Array.from(
        { length: 2000 },
        (_, i) => `create table t${i} (id serial primary key, a text unique);`,
      );
      await server.query('wide', `begin; ${tables.join('\n')} commit;`);
      expect(await server.query('wide', "select count(*) from pg_class where relname ~ '^t\\d+$'")).toBe('2000');
    });
  });

  it.skipIf(!hasExtension('pg_stat_statements'))('loads at its start what an extension wants', async () => {
    const names = ['hstore', '../../etc/passwd', 'no_such', 'pg_stat_statements'];
    await using server = await startScratchServer(options('preloads', { extensions: names }));
    expect(await server.query('postgres', 'show shared_preload_libraries')).toBe('pg_stat_statements');
    await server.query('postgres', 'create extension pg_stat_statements; table pg_stat_statements');
    expect(server.notes.join()).not.toContain('did not start');
  });

  const scheduled = ['pg_cron', 'timescaledb'].filter(hasExtension);
  it.skipIf(scheduled.length < 2)('runs no job of pg_cron or TimescaleDB', async () => {
    await using server = await startScratchServer(options('jobs', { extensions: scheduled }));
    await server.createDatabase('restored');
    await server.query('restored', 'create extension timescaledb; create extension pg_cron');
    await server.query('restored', "select cron.schedule('often', '1 second', 'select 1')");
    const workers = "select count(*) from pg_stat_activity where backend_type ~* 'cron|timescale|worker|scheduler'";
    expect(await server.query('restored', workers)).toBe('0');
    expect(await server.query('restored', 'show max_worker_processes')).toBe('0');
    expect(await server.query('restored', 'show cron.launch_active_jobs')).toBe('off');
  });

  it('goes on without a library that keeps it from starting, and says so', async () => {
    const found = (await findServers()).find((each) => each.major === major)!;
    const folder = join(parent.path, 'installation', 'bin');
    await mkdir(folder, { recursive: true });
    await mkdir(join(folder, '../lib'));
    await writeFile(join(folder, '../lib/plpgsql.so'), '');
    // The server's own library of that name is loaded.
    await writeFile(join(folder, '../lib/auto_explain.so'), 'auto_explain is not in shared_preload_libraries');
    for (const program of ['postgres', 'initdb', 'psql'])
      await writeFile(join(folder, program), `#!/bin/sh\nexec ${found.folder}/${program} "$@"\n`, { mode: 0o755 });
    await writeFile(join(folder, '../lib/broken.so'), 'broken is not in shared_preload_libraries');
    await using server = await startScratchProcess({
      folder: join(parent.path, 'broken'),
      isOpen: false,
      clients: { ...found, folder },
      memoryBytes: 128 * MIB,
      extensions: ['auto_explain', 'broken'],
      signal,
    });
    expect(server.notes).toEqual(['the scratch server did not start with broken, and went on without']);
  });

  it('says what it has in place of a locale that this machine lacks', async () => {
    await using server = await startScratchServer(
      options('locale', { encoding: 'LATIN1', collate: 'xx_XX', ctype: 'xx_XX' }),
    );
    await server.createDatabase('latin');
    expect(await server.query('latin', 'show server_encoding')).toBe('LATIN1');
    expect(server.isOtherLocale).toBe(true);
    expect(server.notes.join()).toContain('this machine has no locale xx_XX');
  });

  it('is gone with its folder once it is disposed, even in the middle of a query', async () => {
    const server = await startScratchServer(options('disposed'));
    const busy = server.query('postgres', 'select pg_sleep(600)').catch(String);
    const path = join(parent.path, 'disposed');
    const data = join(path, 'data');
    const pids = await eventually(async () => {
      const found = await findPostgres(data);
      return found.length > 0 && found;
    });
    await server[Symbol.asyncDispose]();
    expect(pids.filter(isAlive)).toEqual([]);
    await expect(stat(path)).rejects.toThrow('ENOENT');
    expect(await busy).toContain('the scratch server refused');
    expect(runningProcesses().filter(({ command }) => command.includes(path))).toEqual([]);
  });

  it('is gone although code in it put a pipe in the place of its file, and left a program that holds its output', async () => {
    const server = await startScratchServer(options('hostile'));
    const program = 'cat >/dev/null; rm postmaster.pid; mkfifo postmaster.pid; sleep 61236 >/dev/null </dev/null &';
    await server.query('postgres', `copy (select 1) to program '${program}'`);
    const left = await eventually(() => runningProcesses().find(({ command }) => command === 'sleep 61236'));
    try {
      await server[Symbol.asyncDispose]();
      await expect(stat(join(parent.path, 'hostile'))).rejects.toThrow('ENOENT');
    } finally {
      if (left !== undefined) process.kill(left.pid, 'SIGKILL');
    }
  });

  it('says so when it ends by itself', async () => {
    await using server = await startScratchServer(options('ended'));
    for (const pid of await findPostgres(join(parent.path, 'ended', 'data'))) process.kill(pid, 'SIGKILL');
    await eventually(() => server.signal.aborted);
    expect(String(server.signal.reason)).toContain('the scratch server ended (SIGKILL)');
  });

  it('leaves nothing behind if its start is given up', async () => {
    const folder = join(parent.path, 'given-up');
    const started = startScratchServer(options('given-up', { signal: AbortSignal.timeout(300) }));
    await expect(started).rejects.toThrow(/aborted|timeout/i);
    await expect(stat(folder)).rejects.toThrow('ENOENT');
  });

  it('puts its socket elsewhere where the path would be too long, and removes that, too', async () => {
    const long = 'a-folder-with-a-name-that-is-rather-long-'.repeat(3);
    const server = await startScratchServer(options(long));
    const socket = server.env('postgres')['PGHOST']!;
    expect(socket.length).toBeLessThan(90);
    expect(await server.query('postgres', 'select 1')).toBe('1');
    await server[Symbol.asyncDispose]();
    await expect(stat(socket)).rejects.toThrow('ENOENT');
  });

  it('names the major version that is missing, and those that are there', async () => {
    const refused = startScratchServer(options('missing', { major: 9 }));
    await expect(refused).rejects.toThrow(NoScratchServerError);
    await expect(refused).rejects.toThrow(`there is no PostgreSQL server 9 here, only`);
  });

  it('is swept where its owner is gone, and nobody else is', async () => {
    const server = await startScratchServer(options('swept'));
    const other = join(parent.path, 'other');
    await mkdir(other);
    await removeScratchServer(other);
    expect(await server.query('postgres', 'select 1')).toBe('1');
    const path = join(parent.path, 'swept');
    await removeScratchServer(path);
    expect(await findPostgres(join(path, 'data'))).toEqual([]);
    await expect(stat(path)).rejects.toThrow('ENOENT');
    await server[Symbol.asyncDispose]();
  });
});
