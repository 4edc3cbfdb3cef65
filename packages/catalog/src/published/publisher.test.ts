import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { CatalogReader, catalogKey, drawTicket, putCatalog } from '@pgstow/shared/runtime/redis/catalog-copy.ts';
import { connectRedis, type RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deleteDump } from '../folder/delete-dump.ts';
import { Records } from '../folder/records.ts';
import { writeManifest } from '../folder/write-record.ts';
import { Publisher } from './publisher.ts';
import { summariseFolder } from './summarise-folder.ts';

const log = createLog('test', 'silent', String);
const destination = { name: 's3', bucket: 'mine', prefix: '' };

describe.skipIf(!hasRedis())('a publisher', () => {
  let server: RedisServer;
  let redis: RedisConnection;
  let folder: TempFolder;

  beforeAll(async () => {
    server = await startRedis();
    redis = await connectRedis(server.url, log);
  });
  beforeEach(async () => {
    await server.flush();
    folder = await tempFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const start = (lookEveryMs?: number) =>
    new Publisher({
      records: new Records(folder.path),
      scope: 'here',
      redis,
      destinations: [destination],
      log,
      ...(lookEveryMs === undefined ? {} : { lookEveryMs }),
    });
  const readCatalog = (scope = 'here') => new CatalogReader(redis, scope).read();
  const countOf = async (): Promise<number | undefined> => {
    const catalog = await readCatalog();
    return catalog?.databases.reduce((sum, { count }) => sum + count, 0);
  };
  const published = (count: number) => eventually(async () => (await countOf()) === count);
  async function addDump(minute: number, database = 'shop') {
    const takenAt = new Date(Date.UTC(2026, 0, 1, 0, minute));
    const name = formatBackupName(database, takenAt);
    await writeFile(join(folder.path, name), 'x'.repeat(9));
    await writeManifest(folder.path, {
      version: 1,
      name,
      database,
      takenAt: takenAt.toISOString(),
      recordedAt: takenAt.toISOString(),
      origin: 'dumped',
      bytes: 9,
      sha256: 'a'.repeat(64),
      sqlBytes: 99,
      tables: { 'public.a': 2, 'public.b': 3 },
    });
    return name;
  }

  it('says at its start what the folder holds, and again when it is told of a change', async () => {
    await using publisher = start();
    await published(0);
    const name = await addDump(1);
    await addDump(1, '<b>"odd" & Größe</b>');
    await writeFile(join(folder.path, formatBackupName('shop', new Date(0))), 'a stray');
    publisher.publish();
    await published(2);
    expect(await readCatalog()).toMatchObject({
      databases: [
        { database: '<b>"odd" & Größe</b>' },
        {
          database: 'shop',
          dumps: [{ name, rows: 5, bytes: 9, receipts: [], restoreTests: [] }],
          notUploaded: { count: 1, oldestRecordedAt: '2026-01-01T00:01:00.000Z' },
        },
      ],
      folder: { strays: 1, faults: [], faultCount: 0, freeBytes: expect.any(Number) as number },
    });
    await deleteDump(folder.path, name);
    publisher.publish();
    await published(1);
    expect(await readCatalog('elsewhere')).toBeUndefined();
  });

  it('publishes anew once Redis has lost what it published', async () => {
    await addDump(1);
    await using _publisher = start(20);
    await published(1);
    await server.flush();
    await published(1);
    // The tickets of the emptied Redis begin anew, and nobody is shut out by an old one.
    expect(Number(await redis.hget(catalogKey('here'), 'ticket'))).toBeLessThanOrEqual(
      Number(await redis.hget(catalogKey('here'), 'next')),
    );
  });

  it('fails nothing when the folder cannot be read, and makes up for it', async () => {
    await using _publisher = start(20);
    await published(0);
    const away = `${folder.path}-away`;
    await rename(folder.path, away);
    await server.flush();
    await eventually(async () => (await redis.hexists(catalogKey('here'), 'next')) === 1);
    expect(await countOf()).toBeUndefined();
    const whole = folder.path;
    folder = { ...folder, path: away };
    await addDump(1);
    await rename(away, whole);
    folder = { ...folder, path: whole };
    await published(1);
  });

  it('never puts an older catalog in the place of a newer one', async () => {
    const of = (bytes: number) =>
      summariseFolder({
        contents: {
          dumps: [],
          strays: [],
          damaged: new Map(),
          refused: new Map(),
          pins: new Map(),
          elsewhere: [],
          partials: [],
          faults: [],
        },
        disk: { freeBytes: bytes, totalBytes: 9 },
        destinations: [],
        now: new Date(),
      });
    const early = await drawTicket(redis, 'here');
    const late = await drawTicket(redis, 'here');
    expect(await putCatalog(redis, 'here', late, of(2))).toBe(true);
    expect(await putCatalog(redis, 'here', early, of(1))).toBe(false);
    // One that reads again and again sees each change.
    const reader = new CatalogReader(redis, 'here');
    expect((await reader.read())?.folder.freeBytes).toBe(2);
    expect(await reader.read()).toBe(await reader.read());
    await server.flush();
    expect(await putCatalog(redis, 'here', late, of(3))).toBe(true);
    expect(await putCatalog(redis, 'here', await drawTicket(redis, 'here'), of(4))).toBe(true);
    expect((await reader.read())?.folder.freeBytes).toBe(4);
    await server.flush();
    expect(await reader.read()).toBeUndefined();
  });

  it('is not misled by what another version, or anybody, wrote there', async () => {
    for (const text of ['', 'null', '{"version":2}', '<html>']) {
      await redis.hset(catalogKey('here'), 'catalog', text, 'stamp', text);
      expect(await readCatalog()).toBeUndefined();
    }
  });
});
