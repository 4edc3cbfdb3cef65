import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { proveGzip } from '@pgstow/postgres/proof/prove-gzip.ts';
import { formatBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { manifestFileName, manifestSchema, withheldManifestFileName } from '@pgstow/shared/contract/manifest.ts';
import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { dumpLockKey, withLock } from '@pgstow/shared/runtime/redis/lock.ts';
import { connectRedis, type RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isSuspect } from '../policy/suspect-dump.ts';
import { adoptStrays } from './adopt-strays.ts';
import { findDump, readFolder } from './read-folder.ts';
import { Records } from './records.ts';
import { writeManifest } from './write-record.ts';

const DUMP = `--
-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: a
--

COPY public.t (a) FROM stdin;
1
2
\\.


--
-- PostgreSQL database dump complete
--

`;
const gz = gzipSync(DUMP);
const nameOf = (database: string, second = 0): BackupName =>
  formatBackupName(database, new Date(Date.UTC(2026, 0, 1, 0, 0, second)));

describe.skipIf(!hasRedis())('dumps without a manifest', () => {
  let server: RedisServer;
  let redis: RedisConnection;
  let folder: TempFolder;
  const log = createLog('test', 'fatal', String);
  const adopt = (signal = new AbortController().signal, onShrink: 'suspect' | 'warn' = 'suspect') =>
    adoptStrays({
      records: new Records(folder.path),
      prove: proveGzip,
      onShrink,
      scope: 'default',
      redis,
      log,
      signal,
    });
  const put = (file: string, content: Buffer | string = gz) => writeFile(join(folder.path, file), content);

  beforeAll(async () => {
    server = await startRedis();
    redis = await connectRedis(server.url, log);
  });
  beforeEach(async () => {
    folder = await tempFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it('get one that says so, with what the proof found', async () => {
    const name = nameOf('my db');
    await put(name);
    expect(await adopt()).toEqual([name]);
    const file = join(folder.path, manifestFileName(name));
    expect(manifestSchema.parse(JSON.parse(await readFile(file, 'utf8')))).toMatchObject({
      name,
      database: 'my db',
      origin: 'adopted',
      takenAt: '2026-01-01T00:00:00.000Z',
      bytes: gz.length,
      sqlBytes: DUMP.length,
      tables: { 'public.t': 2 },
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(join(folder.path, name))).toEqual(gz);
    expect(await adopt()).toEqual([]);
  });

  it('that fail the proof are left alone, and do not stop the others', async () => {
    const bad: [BackupName, Buffer | string][] = [
      [nameOf('a', 1), ''],
      [nameOf('a', 2), DUMP],
      [nameOf('a', 3), gz.subarray(0, -1)],
      [nameOf('a', 4), gzipSync(DUMP.slice(0, -40))],
      [nameOf('a', 5), Buffer.concat([gz.subarray(0, 30), Buffer.from([0xff]), gz.subarray(31)])],
      [nameOf('a', 6), gzipSync('')],
      [nameOf('a', 7), Buffer.concat([gz, gzipSync('drop table x;\n')])],
    ];
    for (const [name, content] of bad) await put(name, content);
    await put(nameOf('b', 8));
    expect(await adopt()).toEqual([nameOf('b', 8)]);
    for (const [name, content] of bad) expect(await readFile(join(folder.path, name))).toEqual(Buffer.from(content));
    expect(await readdir(folder.path)).toHaveLength(bad.length + 2);
  });

  it('are judged by their size as our own are, the oldest first, unless all that is wanted is a warning', async () => {
    const rows = (count: number) => gzipSync(DUMP.replace('1\n2\n', '1\n'.repeat(count)));
    await put(nameOf('a', 3), rows(1));
    await put(nameOf('a', 1), rows(4000));
    await put(nameOf('a', 2), rows(5000));
    await put(nameOf('b', 4), rows(1));
    const suspectOnes = async () =>
      (await readFolder(folder.path)).dumps.filter(isSuspect).map(({ manifest }) => manifest.name);
    expect(await adopt()).toHaveLength(4);
    expect(await suspectOnes()).toEqual([nameOf('a', 3)]);
    await put(nameOf('a', 4), rows(2));
    expect(await adopt(new AbortController().signal, 'warn')).toEqual([nameOf('a', 4)]);
    expect(await suspectOnes()).toEqual([nameOf('a', 3)]);
  });

  it('have their own again, which a crash withheld while they got their names or were deleted', async () => {
    const [promoted, deleted, other] = [nameOf('a', 1), nameOf('a', 2), nameOf('a', 3)];
    for (const name of [promoted, deleted, other]) await put(name);
    expect(await adopt()).toHaveLength(3);
    const facts = { origin: 'dumped' as const, compressor: 'igzip', emptiedTables: ['public.queue'] };
    for (const name of [promoted, deleted, other])
      await writeManifest(folder.path, { ...(await findDump(folder.path, name))!.manifest, ...facts });
    const before = (await readFolder(folder.path)).dumps;
    for (const name of [promoted, deleted, other])
      await rename(join(folder.path, manifestFileName(name)), join(folder.path, withheldManifestFileName(name)));
    // Another file that bears the name of a dump: what is withheld says nothing of it.
    await put(other, gzipSync(DUMP.replace('1\n', '3\n')));

    expect(await adopt()).toEqual([promoted, deleted, other]);
    const { dumps, partials } = await readFolder(folder.path);
    expect(dumps.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(dumps[2]?.manifest).toMatchObject({ origin: 'adopted' });
    expect(dumps[2]?.manifest.compressor).toBeUndefined();
    expect(partials).toEqual([]);
    expect(await readdir(folder.path)).toHaveLength(6);
  });

  it('of a database that is being dumped are left for later', async () => {
    await put(nameOf('busy'));
    await put(nameOf('free'));
    const never = new AbortController().signal;
    await withLock(redis, dumpLockKey('default', 'busy'), never, async () => {
      expect(await adopt()).toEqual([nameOf('free')]);
    });
    expect(await adopt()).toEqual([nameOf('busy')]);
  });

  it('stay as they are when the process ends', async () => {
    await put(nameOf('a'));
    await expect(adopt(AbortSignal.abort('shutdown'))).rejects.toBe('shutdown');
    expect(await readdir(folder.path)).toEqual([nameOf('a')]);
  });
});
