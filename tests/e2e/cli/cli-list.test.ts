import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeReceipt, writeRestoreTest } from '@pgstow/catalog/folder/write-record.ts';
import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { startFaultProxy, type FaultProxy } from '@pgstow/testing/servers/fault-proxy.ts';
import { startS3, type S3Server } from '@pgstow/testing/servers/s3-server.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CLI, launchCli, outputOf, runCli } from '../stage/processes/run-cli.ts';
import { BUCKET, settingsOf } from '../stage/settings-of.ts';
import { makeDump, makeFile, PREFIX } from '../stage/upload-stage.ts';

const HOUR_MS = 3_600_000;
const hoursAgo = (hours: number): Date => new Date(Date.now() - hours * HOUR_MS);

describe('pgstow list', () => {
  let s3: S3Server;
  let proxy: FaultProxy;
  let folder: TempFolder;
  let store: Readonly<Record<string, string>>;
  let local: Readonly<Record<string, string>>;

  const upload = async (manifest: Manifest, content: Uint8Array | string) => {
    await s3.putObject(BUCKET, PREFIX + manifest.name, content);
    await s3.putObject(BUCKET, `${PREFIX}${manifest.name}.manifest.json`, JSON.stringify(manifest));
  };
  const confirm = ({ name, bytes, sha256 }: Manifest) =>
    writeReceipt(folder.path, {
      version: 1,
      name,
      destination: 's3',
      endpoint: proxy.url,
      bucket: BUCKET,
      key: PREFIX + name,
      bytes,
      sha256,
      confirmedBy: 'etag',
      confirmedAt: new Date().toISOString(),
    });

  beforeAll(async () => {
    s3 = await startS3({ buckets: [BUCKET] });
    proxy = await startFaultProxy({ targetPort: s3.port });
    store = settingsOf({ s3: { ...s3, endpoint: proxy.url }, prefix: PREFIX });
  });
  beforeEach(async () => {
    folder = await tempFolder();
    local = { BACKUP_DIR: folder.path };
  });
  afterEach(async () => {
    await proxy.pass();
    for (const { key } of await s3.listObjects(BUCKET)) await s3.deleteObject(BUCKET, key);
    await folder[Symbol.asyncDispose]();
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await s3[Symbol.asyncDispose]();
  });

  it('shows what folder and store hold, newest first, in 80 columns of plain text', async () => {
    const { name: stray } = await makeFile(folder.path, { takenAt: hoursAgo(100) });
    const [restored, uploaded, dumped] = [
      await makeDump(folder.path, { takenAt: hoursAgo(76), bytes: 2_000_000 }),
      await makeDump(folder.path, { takenAt: hoursAgo(50) }),
      await makeDump(folder.path, { takenAt: hoursAgo(2) }),
    ];
    for (const manifest of [restored, uploaded]) {
      await upload(manifest, 'x'.repeat(manifest.bytes));
      await confirm(manifest);
    }
    await writeRestoreTest(folder.path, {
      version: 1,
      name: restored.name,
      destination: 's3',
      sha256: restored.sha256,
      result: 'good',
      notes: [],
      differences: [],
      differenceCount: 0,
      testedAt: new Date().toISOString(),
      durationMs: 12_000,
      restoreMs: 900,
    });

    const { code, stdout, stderr } = await runCli(['list', 'shop'], { ...store, ...local, FORCE_COLOR: '3' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('shop');
    expect(lines[1]).toMatch(/^TIME \(UTC\) +AGE +SIZE +ROWS +LIES +PROVEN$/);
    expect(lines.slice(2).map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      expect.stringMatching(/^[-0-9]{10} [:0-9]{8} \| 2h \| \d+ B \| \d+ \| local \| dumped$/),
      expect.stringMatching(/ \| 2d 2h \| \d+ B \| \d+ \| local s3 \| uploaded$/),
      expect.stringMatching(/ \| 3d 4h \| [.\d]+ MB \| [34],\d+ \| local s3 \| restored$/),
      expect.stringMatching(/ \| 4d 4h \| \d+ B \| \? \| local \| found$/),
    ]);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    // oxlint-disable-next-line no-control-regex -- what colours begin with
    expect(stdout).not.toMatch(/\u001b/);

    const { stdout: long } = await runCli(['list', '--long'], { ...store, ...local });
    expect(long.match(/backup_shop_\S+/g)).toEqual([dumped.name, uploaded.name, restored.name, stray]);

    const { stdout: json } = await runCli(['list', '--json'], { ...store, ...local });
    const { backups, faults } = JSON.parse(json) as { backups: Record<string, unknown>[]; faults: string[] };
    expect(faults).toEqual([]);
    expect(backups[2]).toEqual({
      name: restored.name,
      database: 'shop',
      takenAt: restored.takenAt,
      ageSeconds: expect.closeTo(76 * 3600, -2),
      bytes: restored.bytes,
      sqlBytes: restored.sqlBytes,
      rows: restored.tables?.['public.t'],
      sha256: restored.sha256,
      source: null,
      places: ['local', 's3'],
      state: 'restored',
      suspect: null,
      acceptedAt: null,
      restoreTest: {
        name: restored.name,
        from: 's3',
        result: 'good',
        reason: null,
        differences: [],
        differenceCount: 0,
        notes: [],
        acceptedAt: null,
        testedAt: expect.any(String),
        durationMs: 12_000,
        restoreMs: 900,
        checks: null,
        rehearsal: null,
      },
    });
    expect(backups[3]).toMatchObject({ name: stray, rows: null, sha256: null, sqlBytes: null, restoreTest: null });

    const { stdout: other } = await runCli(['list', 'other'], { ...store, ...local });
    expect(other).toBe('no backup of other is known');
  });

  it('works with a folder alone, and with a store alone', async () => {
    const manifest = await makeDump(folder.path, { takenAt: hoursAgo(2) });
    expect(await runCli(['list'], local)).toMatchObject({ code: 0, stdout: expect.stringMatching(/local +dumped$/) });
    await upload(manifest, 'x'.repeat(manifest.bytes));
    await rm(join(folder.path, manifest.name));
    const stored = await runCli(['list', '--from', 's3'], { ...store, BACKUP_DIR: '/does/not/exist' });
    expect(stored).toMatchObject({ code: 0, stdout: expect.stringMatching(/s3 +uploaded$/) });
  });

  it('prints what it knows although a place is away, says so on stderr, and exits 1', async () => {
    const { name } = await makeDump(folder.path, { takenAt: hoursAgo(2) });
    await writeFile(join(folder.path, `${name}.s3.receipt.json`), '{');
    await proxy.refuse();
    const { code, stdout, stderr } = await runCli(['list', '--json'], { ...store, ...local });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      backups: [{ name }],
      faults: [/ /, / /].map((text) => expect.stringMatching(text)),
    });
    expect(stderr).toMatch(/is not a receipt; [^]*s3 cannot be read, [^]*ECONNREFUSED/);
    expect(stderr).not.toContain(s3.secretAccessKey);
  });

  it('ends with 130 when it is interrupted', async () => {
    await proxy.hang();
    const before = proxy.requestCount;
    await using child = await launchCli(['list'], { ...store, ...local });
    await eventually(() => proxy.requestCount > before);
    child.signal('SIGINT');
    const { code } = await child.waitForExit();
    expect({ code, stderr: outputOf(child, 'stderr') }).toEqual({ code: 130, stderr: 'pgstow: interrupted' });
  });

  it('minds no reader who has read enough', async () => {
    for (let hours = 1; hours <= 30; hours += 1) await makeDump(folder.path, { takenAt: hoursAgo(hours) });
    const line = `set -o pipefail; '${process.execPath}' '${CLI}' list --long | head -n 1`;
    await using shell = await startProcess({ command: 'bash', args: ['-c', line], env: local });
    expect({ ...(await shell.waitForExit()), text: shell.tail }).toMatchObject({
      code: 0,
      text: expect.stringMatching(/^shop/),
    });
  });
});

describe('pgstow prune', () => {
  it('--dry-run says what would be deleted, and why, and deletes nothing; without it is refused', async () => {
    await using folder = await tempFolder();
    const [oldest, older, newest] = [
      await makeDump(folder.path, { takenAt: hoursAgo(72) }),
      await makeDump(folder.path, { takenAt: hoursAgo(48) }),
      await makeDump(folder.path, { takenAt: hoursAgo(24) }),
    ];
    const env = { BACKUP_DIR: folder.path, BACKUP_KEEP_LAST: '2' };
    expect(await runCli(['prune', 'shop'], env)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--dry-run'),
    });
    const dry = async (more: Readonly<Record<string, string>> = {}) => {
      const { code, stdout } = await runCli(['prune', '--dry-run'], { ...env, ...more });
      expect(code).toBe(0);
      return stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '));
    };
    expect((await dry()).slice(2, 5)).toEqual([
      `keep | ${newest.name} | it is the newest`,
      `keep | ${older.name} | it is number 2 of the 2 newest`,
      `delete | ${oldest.name} | it is number 3, and the 2 newest are kept`,
    ]);
    expect((await dry({ S3_BUCKET: 'b' }))[4]).toBe(`keep | ${oldest.name} | its upload to s3 is not confirmed`);
    expect((await dry())[4]).toContain(oldest.name);
    expect((await runCli(['prune', '--dry-run', 'other'], env)).stdout).toBe(`no dump of other lies in ${folder.path}`);
    expect(await runCli(['prune', '--dry-run'], { BACKUP_DIR: '/does/not/exist' })).toMatchObject({ code: 1 });
  });

  it('--dry-run --json names the rule that keeps each; a pinned dump stays until it is unpinned', async () => {
    await using folder = await tempFolder();
    const oldest = await makeDump(folder.path, { takenAt: hoursAgo(72) });
    const newest = await makeDump(folder.path, { takenAt: hoursAgo(24) });
    const env = {
      BACKUP_DIR: folder.path,
      BACKUP_KEEP_LAST: '1',
      POSTGRES_DB: 'shop',
      REDIS_URL: 'redis://127.0.0.1:1',
    };
    const verdicts = async () => {
      const { stdout } = await runCli(['prune', '--dry-run', '--json'], env);
      return (JSON.parse(stdout) as { verdicts: readonly Readonly<Record<string, unknown>>[] }).verdicts;
    };
    const of = { place: 'local', database: 'shop' };
    const isNewest = { ...of, name: newest.name, action: 'keep', rule: 'newest', reason: 'it is the newest' };
    expect(await verdicts()).toEqual([
      isNewest,
      { ...of, name: oldest.name, action: 'delete', rule: null, reason: 'it is number 2, and the 1 newest are kept' },
    ]);
    expect(await runCli(['pin', oldest.name, '--reason', 'before  the move'], env)).toMatchObject({
      code: 0,
      stdout: `pinned ${oldest.name}: it stays at local until pgstow unpin ${oldest.name}`,
    });
    expect(await verdicts()).toEqual([
      isNewest,
      { ...of, name: oldest.name, action: 'keep', rule: 'pinned', reason: 'it is pinned: before the move' },
    ]);
    expect((await runCli(['list'], env)).stdout).toContain('dumped, pinned');
    expect((await runCli(['pin', oldest.name], env)).stdout).toMatch(/^.* is pinned already, since 20/);
    expect(await runCli(['unpin', newest.name], env)).toMatchObject({ code: 1 });
    expect(await runCli(['unpin', oldest.name], env)).toMatchObject({ code: 0 });
    expect((await verdicts())[1]).toMatchObject({ action: 'delete' });
    expect(await runCli(['unpin', oldest.name], env)).toMatchObject({ code: 1 });
    const missing = formatBackupName('shop', hoursAgo(5));
    expect(await runCli(['pin', missing], env)).toMatchObject({ code: 1, stderr: expect.stringContaining(missing) });
  });
});
