import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { hasAge, hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { makeIdentity, type Identity } from '@pgstow/testing/machine/make-identity.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { isAlive } from '@pgstow/testing/processes/running-processes.ts';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { childOf, holdDump, noiseTable, setDumpStage } from '../stage/dump-stage.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';

const AGE = /^age --encrypt/;
const CANARY = 'a-row-that-nobody-may-read';

describe.skipIf(!hasRedis() || !hasPostgres() || !hasAge())('an encrypted dump', () => {
  let servers: Servers;
  let keys: TempFolder;
  let mine: Identity;
  let other: Identity;
  beforeAll(async () => {
    servers = await startServers({
      shop: `create table t as select i, '${CANARY}' as note from generate_series(1, 5000) i`,
      big: noiseTable(30),
    });
    keys = await tempFolder('pgstow-keys-');
    mine = makeIdentity(keys.path, 'mine');
    other = makeIdentity(keys.path, 'other');
  });
  afterAll(async () => {
    await servers[Symbol.asyncDispose]();
    await keys[Symbol.asyncDispose]();
  });
  const decrypt = async (path: string, { file }: Identity): Promise<Buffer> => {
    const { stdout } = await execa('age', ['-d', '-i', file, path], { encoding: 'buffer', maxBuffer: 1e9 });
    return Buffer.from(stdout);
  };

  test('is proven as it goes by and as it lies, and each key decrypts it by stock programs', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    const worker = await stage.startWorker({ AGE_RECIPIENTS: `${mine.recipient}, ${other.recipient}` });
    const { manifest } = await stage.dump('shop');
    expect(manifest.name).toMatch(/^backup_shop_\d{8}_\d{6}\.sql\.gz\.age$/);
    const path = join(stage.folder, manifest.name);
    const file = await readFile(path);
    const gzip = await decrypt(path, mine);
    expect(await decrypt(path, other)).toEqual(gzip);
    const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
    expect(manifest).toMatchObject({
      bytes: file.length,
      sha256: sha256(file),
      encryption: {
        recipients: [mine.recipient, other.recipient],
        gzipBytes: gzip.length,
        gzipSha256: sha256(gzip),
      },
      tables: { 'public.t': 5000 },
      source: { tables: { 'public.t': 5000 } },
    });
    expect(gunzipSync(gzip).length).toBe(manifest.sqlBytes);
    expect(await stage.files()).toEqual([manifest.name, `${manifest.name}.manifest.json`]);
    for (const name of await stage.files())
      expect((await readFile(join(stage.folder, name))).includes(CANARY)).toBe(false);
    expect(worker.tail).toContain('encrypting dumps by age');
  });

  test('whose age is killed in the middle fails at once, though pg_dump stands still, and leaves nothing', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'big' });
    const worker = await stage.startWorker({ AGE_RECIPIENTS: mine.recipient });
    const { job, pid } = await holdDump(stage, worker, servers.postgres, 'big');
    process.kill((await childOf(worker, AGE)).pid, 'SIGKILL');
    expect(await stage.attemptFailed(job)).toMatch(/^age was ended by SIGKILL/);
    expect(isAlive(pid)).toBe(false);
    expect(await stage.files()).toEqual([]);
    await stage.retryNow(job);
    expect((await stage.completed(job)).manifest.encryption?.recipients).toEqual([mine.recipient]);
  });

  test('whose pg_dump or compressor is killed fails for that reason', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'big' });
    const worker = await stage.startWorker({ AGE_RECIPIENTS: mine.recipient });
    const first = await holdDump(stage, worker, servers.postgres, 'big');
    process.kill(first.pid, 'SIGKILL');
    expect(await stage.attemptFailed(first.job)).toMatch(/^pg_dump was ended by SIGKILL/);
    expect(await stage.files()).toEqual([]);
    const second = await holdDump(stage, worker, servers.postgres, 'big');
    process.kill((await childOf(worker, /^(?:igzip|pigz|gzip) -/)).pid, 'SIGKILL');
    expect(await stage.attemptFailed(second.job)).toMatch(/^(?:igzip|pigz|gzip) was ended by SIGKILL/);
    expect(await stage.files()).toEqual([]);
  });

  test('whose worker is killed leaves no program behind', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'big' });
    const env = { AGE_RECIPIENTS: mine.recipient };
    const worker = await stage.startWorker(env);
    const { pid } = await holdDump(stage, worker, servers.postgres, 'big');
    const age = await childOf(worker, AGE);
    await worker.kill();
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => isAlive(age.pid)).toBe(false);
  });

  test('follows a plain one in one lineage, sizes compared by what is in them', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    const plain = await stage.startWorker();
    const before = await stage.dump('shop');
    await plain.stop();
    const sealing = await stage.startWorker({ AGE_RECIPIENTS: mine.recipient });
    const sealed = await stage.dump('shop');
    await sealing.stop();
    await stage.startWorker();
    const after = await stage.dump('shop');
    expect([before, sealed, after].map(({ manifest }) => manifest.suspect)).toEqual([undefined, undefined, undefined]);
    expect(sealed.manifest.sqlBytes).toBe(before.manifest.sqlBytes);
    expect((await stage.known()).map(({ manifest }) => manifest.encryption !== undefined)).toEqual([
      false,
      true,
      false,
    ]);
  });

  test.each([
    ['a key that is none', 'age1nothing', /AGE_RECIPIENTS: number 1 .* not whole/],
    ['a secret key', 'AGE-SECRET-KEY-184JMZMVQH3E6U0PSL869004Y3U2NYV7R30EU99CSEDNPH02YUVFSZW44VU', /is a secret key/],
  ])('is refused at the start with %s, which is not shown', async (_what, recipients, fault) => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    const worker = await stage.launchWorker({ AGE_RECIPIENTS: recipients });
    expect((await worker.waitForExit()).code).toBe(1);
    expect(worker.tail).toMatch(fault);
    expect(worker.tail).not.toContain('184JMZM');
  });
});
