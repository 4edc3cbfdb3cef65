import { lstat, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { writeManifest, writeReceipt } from '@pgstow/catalog/folder/write-record.ts';
import { formatBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { manifestFileName, type Manifest } from '@pgstow/shared/contract/manifest.ts';
import { enqueueDump } from '@pgstow/shared/runtime/jobs/queue.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DESTINATION, noiseTable, setDumpStage, type DumpStage } from '../stage/dump-stage.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';
import { makeDump } from '../stage/upload-stage.ts';

const DAY = 24 * 3600 * 1000;

describe.skipIf(!hasRedis() || !hasPostgres())('the dumps in the folder', { concurrent: true }, () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await startServers(
      Object.fromEntries(['shop', 'other', 'shrinking'].map((name) => [name, 'CREATE TABLE t AS SELECT 1 AS a'])),
    );
  });
  afterAll(() => servers[Symbol.asyncDispose]());

  const namesOf = async (stage: DumpStage): Promise<readonly string[]> =>
    (await stage.known()).map(({ manifest }) => manifest.name);

  function confirm(folder: string, { name, bytes, sha256 }: Manifest): Promise<void> {
    const confirmedAt = new Date().toISOString();
    const place = { destination: 's3', endpoint: DESTINATION.S3_ENDPOINT, bucket: DESTINATION.S3_BUCKET, key: name };
    return writeReceipt(folder, { version: 1, name, bytes, sha256, ...place, confirmedBy: 'etag', confirmedAt });
  }

  test('are kept until their upload is confirmed, then the newest are, and nothing that is not ours goes', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop,other' });
    const { folder } = stage;
    const plain = '-- not compressed';
    await writeFile(join(folder, 'notes.txt'), plain);
    await writeFile(join(folder, 'backup_shop.sql.gz'), plain);
    await writeFile(join(folder, 'backup_shop_20200103_000000.sql.gz.bak'), plain);
    await writeFile(join(folder, 'backup_shop_20201301_000000.sql.gz'), plain);
    await writeFile(join(folder, 'backup_stranger_20200101_000000.sql.gz'), plain);
    await writeFile(join(folder, 'target'), plain);
    await symlink(join(folder, 'target'), join(folder, 'backup_shop_20200101_000000.sql.gz'));
    await mkdir(join(folder, 'backup_shop_20200102_000000.sql.gz'));
    const foreign = await stage.files();

    await stage.startWorker({ ...DESTINATION, BACKUP_KEEP_LAST: '2' });
    const { manifest: other } = await stage.dump('other');
    const made: Manifest[] = [];
    for (let count = 0; count < 6; count += 1) made.push((await stage.dump('shop')).manifest);
    expect(await namesOf(stage)).toEqual([other, ...made].map(({ name }) => name));

    for (const index of [0, 1, 2, 4]) await confirm(folder, made[index]!);
    const { manifest: last } = await stage.dump('shop');
    await eventually(async () =>
      expect(await namesOf(stage)).toEqual([other, made[3]!, made[5]!, last].map(({ name }) => name)),
    );
    expect(await stage.files()).toEqual(
      [...foreign, ...[other, made[3]!, made[5]!, last].flatMap(({ name }) => [name, `${name}.manifest.json`])].sort(),
    );
    expect((await lstat(join(folder, 'backup_shop_20200101_000000.sql.gz'))).isSymbolicLink()).toBe(true);
    expect(await readFile(join(folder, 'target'), 'utf8')).toBe(plain);
  });

  test('go by number alone where backups stay local, each with its reason', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    await stage.startWorker({ BACKUP_KEEP_LAST: '2' });
    const made: string[] = [];
    for (let count = 0; count < 3; count += 1) made.push((await stage.dump('shop')).manifest.name);
    const job = await stage.enqueue('shop');
    made.push((await stage.completed(job)).manifest.name);
    expect(await namesOf(stage)).toEqual(made.slice(2));
    expect(await stage.files()).toHaveLength(4);
    expect(await stage.logOf(job)).toContain(`deleted ${made[1]}: it is number 3, and the 2 newest are kept`);
  });

  test('of the newest days stay as well, and days begin at midnight in TZ', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    // Midnight in Auckland lies between the last two.
    const [oldest, evening, night] = await Promise.all(
      ['2019-06-01T00:00:00Z', '2020-01-05T10:30:00Z', '2020-01-05T11:30:00Z'].map((time) =>
        makeDump(stage.folder, { takenAt: new Date(time) }),
      ),
    );
    await stage.startWorker({ BACKUP_KEEP_LAST: '1', BACKUP_KEEP_DAILY: '3', TZ: 'Pacific/Auckland' });
    const job = await stage.enqueue('shop');
    const { manifest } = await stage.completed(job);
    expect(await namesOf(stage)).toEqual([evening!.name, night!.name, manifest.name]);
    expect(await stage.logOf(job)).toContain(
      `deleted ${oldest!.name}: it is number 4, and the 1 newest are kept, and the newest of 3 days`,
    );
  });

  test('never have the name of one that was pruned, however fast they follow each other', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    await stage.startWorker({ BACKUP_KEEP_LAST: '1' });
    const made: string[] = [];
    for (let count = 0; count < 6; count += 1) made.push((await stage.dump('shop')).manifest.name);
    expect(made).toEqual([...new Set(made)].sort());
  });

  test('all stay while the newest claims to be from the future, and a scheduled dump is taken all the same', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    const future = await makeDump(stage.folder, { takenAt: new Date(Date.now() + 2 * DAY) });
    const past = await makeDump(stage.folder, { takenAt: new Date(Date.now() - 2 * DAY) });
    await stage.startWorker({ BACKUP_KEEP_LAST: '1' });
    const job = await enqueueDump(stage.dumps, 'shop', 'scheduled');
    const { manifest } = await stage.completed(job);
    expect(await namesOf(stage)).toEqual([past.name, manifest.name, future.name]);
    await eventually(async () =>
      expect(await stage.logOf(job)).toContain(
        `kept 2 beyond the 1 newest; ${past.name}: nothing is deleted while the newest, ${future.name}, lies in the future`,
      ),
    );
  });

  test('that another tool wrote are adopted if they are whole, and left alone with a warning if not', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    const { stdout: sql } = await execa(join(servers.postgres.binDir, 'pg_dump'), [], {
      env: servers.postgres.env('shop'),
      stripFinalNewline: false,
    });
    const gzip = gzipSync(sql);
    const half = Buffer.from(sql).subarray(0, sql.length / 2);
    const cases = {
      whole: gzip,
      cut: gzip.subarray(0, -20),
      noEnd: gzipSync(half),
      plain: Buffer.from(sql),
      empty: Buffer.alloc(0),
      emptyGzip: gzipSync(''),
      flipped: Buffer.from(gzip).fill(gzip[400]! ^ 8, 400, 401),
      // Programs treat the rest differently.
      trailingGarbage: Buffer.concat([gzip, Buffer.from('garbage')]),
      twoMembers: Buffer.concat([gzipSync(half), gzipSync(Buffer.from(sql).subarray(half.length))]),
      twoDumps: Buffer.concat([gzip, gzip]),
      late: gzipSync(sql, { level: 9 }),
    };
    const names: Record<string, BackupName> = {};
    for (const [index, [what, content]] of Object.entries(cases).entries()) {
      names[what] = formatBackupName('shop', new Date(Date.UTC(2026, 0, 1 + index)));
      await writeFile(join(stage.folder, names[what]), content);
    }
    const worker = await stage.startWorker(DESTINATION);
    const good = ['whole', 'late'];
    const left = Object.keys(cases).filter((what) => !good.includes(what));
    const warned = (what: string): boolean =>
      worker.lines.some(
        ({ json }) =>
          json?.['name'] === names[what] && json?.['msg'] === 'left a dump without a manifest alone: it is not proven',
      );
    await eventually(() => expect(left.filter((what) => !warned(what))).toEqual([]));
    await eventually(async () => expect(await namesOf(stage)).toEqual(good.map((what) => names[what])));
    for (const what of good) {
      const { manifest } = (await stage.known()).find((dump) => dump.manifest.name === names[what])!;
      expect(manifest).toMatchObject({ origin: 'adopted', bytes: cases[what as keyof typeof cases].length });
      await eventually(async () => (await stage.uploads.getJobState(uploadJobId(manifest.name, 's3'))) === 'waiting');
      // By the README's command for a restore.
      const { stdout } = await execa('gunzip', ['-c', join(stage.folder, manifest.name)], { reject: false });
      expect(stdout).toContain('PostgreSQL database dump complete');
    }
    for (const [what, content] of Object.entries(cases))
      expect(await readFile(join(stage.folder, names[what]!))).toEqual(content);
  });

  test('are known again after a crash before their record, and a record without its dump counts for nothing', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    const worker = await stage.startWorker(DESTINATION);
    const { manifest } = await stage.dump('shop');
    const { manifest: gone } = await stage.dump('shop');
    await worker.stop();
    await rm(join(stage.folder, `${manifest.name}.manifest.json`));
    await rm(join(stage.folder, gone.name));
    for (const { name } of [manifest, gone]) await stage.uploads.remove(uploadJobId(name, 's3'));

    await stage.startWorker(DESTINATION);
    await eventually(async () => (await stage.uploads.getJobState(uploadJobId(manifest.name, 's3'))) === 'waiting');
    const known = await stage.known();
    expect(known).toHaveLength(1);
    const { sha256, tables, bytes } = manifest;
    expect(known[0]?.manifest).toMatchObject({ origin: 'adopted', sha256, tables, bytes });
    expect(await stage.uploads.getJob(uploadJobId(gone.name, 's3'))).toBeUndefined();
  });

  test('are joined by one of an emptied database that is suspect or, where that is wanted, only warned of', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'shrinking' });
    await servers.postgres.psql('shrinking', noiseTable(1));
    // Its earlier name.
    const strict = await stage.startWorker({ BACKUP_ON_SHRINK: 'refuse' });
    await stage.dump('shrinking');
    await servers.postgres.psql('shrinking', 'TRUNCATE noise');
    const { manifest: suspect } = await stage.dump('shrinking');
    expect(suspect.suspect).toMatchObject({ percent: 0 });
    await strict.stop();

    await stage.startWorker({ BACKUP_ON_SHRINK: 'warn' });
    const job = await stage.enqueue('shrinking');
    const { manifest: counted } = await stage.completed(job);
    expect(counted.suspect).toBeUndefined();
    expect(await stage.logOf(job)).toMatch(
      /warning: the dump has shrunk: it has .* of SQL, less than 1 % of what the last good ones had/,
    );
    expect(await stage.files()).toHaveLength(6);
  });

  test('have their manifests read once, not for each job', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    const long = { notes: 'x'.repeat(35_000) };
    const many = 400;
    for (let day = 1; day <= many; day += 1) {
      const { name, ...manifest } = await makeDump(stage.folder, { database: 'other', takenAt: new Date(day * DAY) });
      // As long as that of a hundred tables.
      const tables = { [long.notes]: 1 };
      await writeManifest(stage.folder, { ...manifest, name, tables });
    }
    const worker = await stage.startWorker();
    const bytesRead = async (): Promise<number> =>
      Number(/^rchar: (\d+)$/m.exec(await readFile(`/proc/${worker.pid}/io`, 'utf8'))?.[1]);
    // A record that has just been written is not remembered yet, so the first jobs may read it again.
    const spent = await eventually(async () => {
      const before = await bytesRead();
      await stage.dump('shop');
      const spent = (await bytesRead()) - before;
      return spent < (many * 35_000) / 2 ? spent : null;
    });
    expect(spent).toBeGreaterThan(0);
  });

  test('stay while what a kept one says of its source is damaged, though nothing else of it is', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    const { folder } = stage;
    const made: Manifest[] = [];
    for (let day = 3; day > 0; day -= 1)
      made.push(await makeDump(folder, { takenAt: new Date(Date.now() - day * DAY) }));
    const newest = made.at(-1)!;
    await writeFile(
      join(folder, manifestFileName(newest.name)),
      `${JSON.stringify({ ...newest, source: { tables: 'none' } }, undefined, 2)}\n`,
    );
    await stage.startWorker({ BACKUP_KEEP_LAST: '2', BACKUP_ON_SHRINK: 'warn' });
    const job = await stage.enqueue('shop');
    await eventually(async () =>
      expect(await stage.logOf(job)).toContain(
        `nothing is deleted while ${manifestFileName(newest.name)} is damaged or cannot be read`,
      ),
    );
    for (const { name } of made) expect(await stage.files()).toContain(name);

    await writeManifest(folder, newest);
    await stage.dump('shop');
    await eventually(async () => expect(await stage.known()).toHaveLength(2));
  });
});
