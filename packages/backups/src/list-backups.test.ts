import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAcceptance, writeManifest, writeReceipt, writeRestoreTest } from '@pgstow/catalog/folder/write-record.ts';
import { readConfig } from '@pgstow/shared/config/read-config.ts';
import { destinations } from '@pgstow/shared/config/subjects/destinations.ts';
import type { S3Config } from '@pgstow/shared/config/subjects/s3.ts';
import { formatBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { manifestFileName, type Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { RestoreTestResult } from '@pgstow/shared/contract/restore-test.ts';
import { S3Store } from '@pgstow/store/s3/s3-store.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startFaultProxy, type FaultProxy, type SeenRequest } from '@pgstow/testing/servers/fault-proxy.ts';
import { startS3, type S3Server } from '@pgstow/testing/servers/s3-server.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listBackups, type ListBackupsOptions } from './list-backups.ts';

const CONTENT = 'nine byte';
const SHA256 = 'a'.repeat(64);
const { signal } = new AbortController();

const nameOn = (day: number, database = 'shop'): BackupName =>
  formatBackupName(database, new Date(Date.UTC(2026, 0, day)));
const manifestOf = (name: BackupName, day: number, database = 'shop', bytes = CONTENT.length): Manifest => ({
  version: 1,
  name,
  database,
  takenAt: new Date(Date.UTC(2026, 0, day)).toISOString(),
  origin: 'dumped',
  recordedAt: '2026-01-01T00:01:00.000Z',
  bytes,
  sha256: SHA256,
  sqlBytes: 99,
  tables: { 'public.a': 40, 'public.b': 2 },
});

describe('the list of backups', () => {
  let server: S3Server;
  let proxy: FaultProxy;
  let folder: TempFolder;
  let store: S3Store;
  let buckets = 0;

  const list = (options: Partial<ListBackupsOptions> = {}) =>
    listBackups({ folder: folder.path, stores: [store], signal, ...options });
  const shown = async (options: Partial<ListBackupsOptions> = {}) => {
    const { backups, faults } = await list(options);
    return { faults, backups: backups.map(({ name, places, state }) => [name, places.join(' '), state]) };
  };
  const keep = async (day: number, database = 'shop') => {
    const name = nameOn(day, database);
    await writeFile(join(folder.path, name), CONTENT);
    await writeManifest(folder.path, manifestOf(name, day, database));
    return name;
  };
  const confirm = (name: BackupName, bucket = store.destination.bucket) =>
    writeReceipt(folder.path, {
      version: 1,
      name,
      destination: 's3',
      ...(store.destination.endpoint === undefined ? {} : { endpoint: store.destination.endpoint }),
      bucket,
      key: `site/${name}`,
      bytes: CONTENT.length,
      sha256: SHA256,
      confirmedBy: 'etag',
      confirmedAt: '2026-01-01T00:02:00.000Z',
    });
  const put = async (day: number, database = 'shop', manifest?: string) => {
    const name = nameOn(day, database);
    await server.putObject(store.destination.bucket, `site/${name}`, CONTENT);
    const text = manifest ?? JSON.stringify(manifestOf(name, day, database));
    if (text !== '') await server.putObject(store.destination.bucket, `site/${manifestFileName(name)}`, text);
    return name;
  };
  const test = (name: BackupName, destination: string, result: RestoreTestResult, day: number) =>
    writeRestoreTest(folder.path, {
      version: 1,
      name,
      destination,
      sha256: SHA256,
      result,
      differences: [],
      differenceCount: 0,
      notes: [],
      testedAt: new Date(Date.UTC(2026, 1, day)).toISOString(),
      durationMs: 1,
    });

  beforeAll(async () => {
    server = await startS3();
    proxy = await startFaultProxy({ targetPort: server.port });
  });
  beforeEach(async () => {
    folder = await tempFolder();
    const bucket = `bucket-${(buckets += 1)}`;
    await server.createBucket(bucket);
    const environment = {
      S3_BUCKET: bucket,
      S3_PREFIX: 'site',
      S3_ENDPOINT: proxy.url,
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    };
    store = new S3Store(readConfig(environment, { destinations }, [destinations]).config.destinations[0] as S3Config);
  });
  afterEach(async () => {
    await proxy.pass();
    store[Symbol.dispose]();
    await folder[Symbol.asyncDispose]();
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it('is empty where there is nothing', async () => {
    expect(await list()).toEqual({ backups: [], faults: [] });
    expect(await list({ folder: undefined, stores: [] })).toEqual({ backups: [], faults: [] });
  });

  it('has what lies in the folder, at the store and in both as one, newest first, and says how far each is proven', async () => {
    const stray = nameOn(1);
    await writeFile(join(folder.path, stray), CONTENT);
    const dumped = await keep(2);
    const uploading = await put(3, 'shop', '');
    await keep(3);
    const uploaded = await keep(4);
    await confirm(uploaded);
    await put(4);
    const elsewhere = await put(5);
    const bare = await put(6, 'shop', '');
    const other = await keep(7, 'my db');
    const notConfirmed = await keep(8);
    await put(8);

    expect(await shown()).toEqual({
      faults: [],
      backups: [
        [notConfirmed, 'local s3', 'dumped'],
        [other, 'local', 'dumped'],
        [bare, 's3', 'found'],
        [elsewhere, 's3', 'uploaded'],
        [uploaded, 'local s3', 'uploaded'],
        [uploading, 'local', 'dumped'],
        [dumped, 'local', 'dumped'],
        [stray, 'local', 'found'],
      ],
    });
    const { backups } = await list();
    expect(backups[3]).toMatchObject({
      bytes: CONTENT.length,
      rows: 42,
      database: 'shop',
      manifest: { sha256: SHA256 },
    });
    expect(backups[7]).toMatchObject({
      bytes: CONTENT.length,
      rows: undefined,
      takenAt: new Date('2026-01-01T00:00:00Z'),
    });
    expect((await shown({ databases: ['my db'] })).backups).toEqual([[other, 'local', 'dumped']]);
    expect((await shown({ stores: [] })).backups.length).toBe(6);
    expect((await shown({ folder: undefined })).backups.map(([, places]) => places)).toEqual(Array(5).fill('s3'));
  });

  it('takes a backup for restored if a test says so, and for bad if any test does', async () => {
    const [good, bad, again, untold] = [await keep(1), await keep(2), await keep(3), await keep(4)];
    for (const name of [good, bad, again, untold]) await confirm(name);
    for (const day of [1, 2, 3, 4]) await put(day);
    await test(good, 's3', 'good', 1);
    await test(good, 'local', 'could-not-tell', 2);
    await test(bad, 's3', 'bad', 2);
    await test(bad, 'local', 'good', 1);
    await test(again, 's3', 'good', 2);
    await test(again, 'local', 'bad', 1);
    await test(untold, 's3', 'could-not-tell', 1);
    const { backups } = await list();
    expect(backups.map(({ state, restoreTest }) => [state, restoreTest?.result, restoreTest?.destination])).toEqual([
      ['uploaded', 'could-not-tell', 's3'],
      ['bad', 'bad', 'local'],
      ['bad', 'bad', 's3'],
      ['restored', 'good', 's3'],
    ]);
  });

  it('takes one for suspect whatever else it is, unless it is bad, or the folder knows that it was accepted', async () => {
    const names = [await keep(1), await keep(2), await keep(3)] as const;
    const suspect = { percent: 1, usualSqlBytes: 9900 };
    for (const [index, name] of names.entries()) {
      const manifest = { ...manifestOf(name, index + 1), suspect };
      await writeManifest(folder.path, manifest);
      await confirm(name);
      await put(index + 1, 'shop', JSON.stringify(manifest));
    }
    await test(names[0], 's3', 'good', 1);
    await test(names[1], 's3', 'bad', 1);
    await writeAcceptance(folder.path, {
      version: 1,
      name: names[2],
      sha256: SHA256,
      acceptedAt: '2026-02-01T00:00:00.000Z',
    });
    const statesOf = async (options: Partial<ListBackupsOptions> = {}) =>
      (await shown(options)).backups.map(([, , state]) => state);
    expect(await statesOf()).toEqual(['uploaded', 'bad', 'suspect']);
    expect((await list()).backups[0]?.acceptedAt).toEqual(new Date('2026-02-01T00:00:00Z'));
    expect(await statesOf({ folder: undefined })).toEqual(['suspect', 'suspect', 'suspect']);
  });

  it('believes the store where it contradicts a receipt, and no receipt for another place', async () => {
    const gone = await keep(1);
    await confirm(gone);
    const foreign = await keep(2);
    await confirm(foreign, 'another-bucket');
    await put(2);
    expect(await shown()).toEqual({
      faults: [
        `s3://${store.destination.bucket}/site/${gone} is gone, which the store had confirmed; it does not count`,
      ],
      backups: [
        [foreign, 'local s3', 'dumped'],
        [gone, 'local', 'dumped'],
      ],
    });
  });

  it('counts no object whose size or manifest is wrong, and says so', async () => {
    const url = `s3://${store.destination.bucket}/site/`;
    const damaged = await put(1, 'shop', '{"half');
    const another = await put(2, 'shop', JSON.stringify(manifestOf(nameOn(3), 3)));
    const cut = await put(4, 'shop', JSON.stringify(manifestOf(nameOn(4), 4, 'shop', 1000)));
    const orphan = manifestFileName(nameOn(5));
    await server.putObject(store.destination.bucket, `site/${orphan}`, JSON.stringify(manifestOf(nameOn(5), 5)));
    const { backups, faults } = await shown();
    expect(backups).toEqual([]);
    expect([...faults].sort()).toEqual([
      `${url}${cut} has 9 bytes where its manifest says 1000; it does not count`,
      `the manifest of ${url}${damaged} cannot be read as one; it does not count`,
      `the manifest of ${url}${another} cannot be read as one; it does not count`,
    ]);
  });

  it('takes a stray of another size for no copy of what lies at the store', async () => {
    const name = await put(1);
    await writeFile(join(folder.path, name), CONTENT);
    expect((await shown()).backups).toEqual([[name, 'local s3', 'uploaded']]);
    await writeFile(join(folder.path, name), 'half');
    expect((await shown()).backups).toEqual([[name, 's3', 'uploaded']]);
  });

  it('shows one place although the other is away', async () => {
    const local = await keep(1);
    await confirm(local);
    await put(1);
    const stored = await put(2);
    const missing = await shown({ folder: join(folder.path, 'missing') });
    expect(missing.backups.map(([name]) => name)).toEqual([stored, local]);
    expect(missing.faults).toEqual([
      expect.stringMatching(/^the backup folder cannot be read: .* does not exist\nhint: /),
    ]);

    await proxy.status(403, { body: '<Error><Code>AccessDenied</Code><Message>no</Message></Error>' });
    const refused = await shown();
    expect(refused.backups).toEqual([[local, 'local s3', 'uploaded']]);
    expect(refused.faults).toEqual([expect.stringMatching(/^s3 cannot be read, [^]*hint: Allow .*s3:ListBucket/)]);
  });

  it('shows the dumps of databases to a key that may not list the globals', async () => {
    const name = await put(1);
    await proxy.status(403, {
      body: '<Error><Code>AccessDenied</Code><Message>no</Message></Error>',
      when: ({ method, path }) => method === 'GET' && path.includes('globals_'),
    });
    expect(await shown()).toEqual({ faults: [], backups: [[name, 's3', 'uploaded']] });
  });

  it('shows what it could read of a store that goes away meanwhile', async () => {
    const names: BackupName[] = [];
    for (let day = 1; day <= 20; day += 1) names.push(await keep(day));
    for (let day = 1; day <= 21; day += 1) await put(day);
    await proxy.status(503, {
      body: '<Error><Code>SlowDown</Code><Message>later</Message></Error>',
      when: ({ path }) => path.includes(manifestFileName(nameOn(21))),
    });
    const { backups, faults } = await shown();
    expect(backups.length).toBe(20);
    expect(faults).toEqual([expect.stringMatching(/^s3 cannot be read to the end/)]);
  });

  it.each([
    ['AccessDenied', 'may not be read'],
    ['InvalidObjectState', 'lies in an archive'],
  ])('hides no others where one manifest is answered with %s', async (code, why) => {
    const other = await put(1);
    const name = await put(2);
    const isOfManifest = ({ method, path }: SeenRequest) =>
      path.includes(manifestFileName(name)) && (method === 'GET' || code === 'AccessDenied');
    await proxy.status(403, { body: `<Error><Code>${code}</Code><Message>no</Message></Error>`, when: isOfManifest });
    const { backups, faults } = await shown();
    expect(backups).toEqual([[other, 's3', 'uploaded']]);
    expect(faults).toEqual([expect.stringMatching(`^the manifest of s3://.*${name} ${why}; it does not count$`)]);
  });

  it('reads at the store the manifests that are wanted, each by one request, and says which it did not read', async () => {
    await keep(1);
    for (const day of [1, 2, 3, 4, 5]) await put(day);
    const before = proxy.requests.length;
    const { backups, faults } = await list({ chooseManifests: (names) => names.slice(0, 2) });
    const requests = proxy.requests.slice(before).map(({ method, path }) => `${method} ${path.replace(/\?.*/, '')}`);
    expect(faults).toEqual([]);
    expect(backups.map(({ state, rows }) => [state, rows])).toEqual([
      ['uploaded', 42],
      ['uploaded', 42],
      ['unread', undefined],
      ['unread', undefined],
      ['dumped', 42],
    ]);
    const { bucket } = store.destination;
    expect(requests.toSorted()).toEqual([
      // Dumps of databases, and those of globals.
      expect.stringMatching(`^GET /${bucket}/?$`),
      expect.stringMatching(`^GET /${bucket}/?$`),
      ...[4, 5].map((day) => `GET /${bucket}/site/${manifestFileName(nameOn(day))}`),
    ]);
  });

  it('ends with the reason of the signal', async () => {
    const reason = new Error('enough');
    await expect(list({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
