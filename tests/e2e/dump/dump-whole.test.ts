import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { runningProcesses } from '@pgstow/testing/processes/running-processes.ts';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DESTINATION, holdDump, noiseTable, setDumpStage } from '../stage/dump-stage.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';

const SAMPLE = `
  CREATE SCHEMA "Sales Ä";
  CREATE TABLE "Sales Ä"."order" (id int primary key, note text);
  INSERT INTO "Sales Ä"."order" SELECT i, E'a\\n\\\\.\\n\\tb ' || i FROM generate_series(1, 1234) i;
  CREATE TABLE empty (a int);
  CREATE TABLE parent (id int) PARTITION BY RANGE (id);
  CREATE TABLE part1 PARTITION OF parent FOR VALUES FROM (0) TO (100);
  INSERT INTO parent SELECT generate_series(0, 76);
  CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$SELECT 'COPY public.fake (a) FROM stdin;'$$;`;

/** Names with another meaning for a shell, a path or libpq. */
const NAMES = [
  'with space',
  `qu"ote's`,
  '-leading',
  '--file=/tmp/pgstow-e2e-evil',
  '../up',
  'host=evil dbname=x',
  'postgresql://evil/x',
  'Größe',
  'ü'.repeat(31) + 'x',
  '$(id);`id`',
  'a,b',
  'new\nline\ttab',
  '🐘%20\\',
  'x_20260101_000000',
];

describe.skipIf(!hasRedis() || !hasPostgres())('a dump', { concurrent: true }, () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await startServers({ shop: `${SAMPLE}; ${noiseTable(40)}` });
  });
  afterAll(() => servers[Symbol.asyncDispose]());

  test('is proven, recorded truly, handed over, shown on the board, and can be restored by hand', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    const worker = await stage.startWorker(DESTINATION);
    const { job, pid } = await holdDump(stage, worker, servers.postgres, 'shop');
    const commandLines = runningProcesses().map(({ command }) => command);
    const percent = await eventually(async () => (await stage.dumps.getJob(job.id!))?.progress as number);
    process.kill(pid, 'SIGCONT');
    const { manifest } = await stage.completed(job);

    expect(percent).toBeGreaterThan(0);
    expect(percent).toBeLessThan(100);
    const path = join(stage.folder, manifest.name);
    const data = await readFile(path);
    expect((await lstat(path)).mode & 0o777).toBe(0o600);
    expect((await lstat(`${path}.manifest.json`)).mode & 0o777).toBe(0o600);
    expect(manifest).toMatchObject({
      database: 'shop',
      origin: 'dumped',
      bytes: data.length,
      sha256: createHash('sha256').update(data).digest('hex'),
      tables: { 'public.noise': 40_000, '"Sales Ä"."order"': 1234, 'public.empty': 0, 'public.part1': 77 },
    });
    expect(Object.keys(manifest.tables!)).toHaveLength(4);
    for (const [table, rows] of Object.entries(manifest.tables!))
      expect(await servers.postgres.psql('shop', `SELECT count(*) FROM ${table}`)).toBe(String(rows));
    expect(await stage.files()).toEqual([manifest.name, `${manifest.name}.manifest.json`]);

    const upload = await stage.uploads.getJob(uploadJobId(manifest.name, 's3'));
    expect(upload?.data).toEqual({ name: manifest.name, destination: 's3' });
    const done = await stage.dumps.getJob(job.id!);
    expect(done?.progress).toBe(100);
    expect(done?.returnvalue).toEqual({ name: manifest.name, bytes: data.length, destinations: ['s3'] });
    const log = await stage.logOf(job);
    expect(log).toMatch(/dumping "shop".* with pg_dump[^]*proven: .*[^]*recorded backup_shop_.*sha256 [0-9a-f]{64}/);

    const shown = [log, JSON.stringify(done), worker.lines.map(({ text }) => text).join('\n'), ...commandLines];
    expect(shown.join('\n')).not.toContain(servers.postgres.password);

    await servers.postgres.createDatabase('restored');
    await execa({
      env: { ...servers.postgres.env('restored'), FILE: path },
    })`bash -o pipefail -c ${'gunzip -c "$FILE" | psql -q -X -v ON_ERROR_STOP=1 >/dev/null'}`;
    for (const [table, rows] of Object.entries(manifest.tables!))
      expect(await servers.postgres.psql('restored', `SELECT count(*) FROM ${table}`)).toBe(String(rows));
  });

  test('takes a database of any name as exactly that name', async () => {
    const quoted = NAMES.map((name) => `"${name.replaceAll('"', '""')}"`).join(',');
    await using parent = await tempFolder();
    const folder = join(parent.path, 'backups');
    await mkdir(folder);
    await using stage = await setDumpStage({ ...servers, databases: quoted, folder });
    for (const [index, name] of NAMES.entries()) {
      await servers.postgres.createDatabase(name);
      await servers.postgres.psql(name, `CREATE TABLE mark${index} AS SELECT generate_series(1, ${index})`);
    }
    await stage.startWorker();
    const jobs = await Promise.all(NAMES.map((name) => stage.enqueue(name)));
    for (const [index, name] of NAMES.entries()) {
      const { manifest } = await stage.completed(jobs[index]!);
      expect(manifest.database).toBe(name);
      expect(parseBackupName(manifest.name).database).toBe(name);
      expect(manifest.tables).toEqual({ [`public.mark${index}`]: index });
    }
    expect(await stage.files()).toHaveLength(2 * NAMES.length);
    expect(await readdir(parent.path)).toEqual(['backups']);
    expect(existsSync('/tmp/pgstow-e2e-evil')).toBe(false);
  });
});
