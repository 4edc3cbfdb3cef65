import { chown, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { findDump, readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { writeManifest, writeRestoreTest } from '@pgstow/catalog/folder/write-record.ts';
import { acceptanceFileName } from '@pgstow/shared/contract/acceptance.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { findingsAcceptanceFileName } from '@pgstow/shared/contract/findings-acceptance.ts';
import { manifestFileName, type Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../stage/processes/run-cli.ts';
import { hoursAgo } from '../stage/publish-catalog.ts';
import { makeDump } from '../stage/upload-stage.ts';

describe('pgstow accept', () => {
  let folder: TempFolder;
  beforeEach(async () => {
    folder = await tempFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  // There is no Redis: the verb needs the folder alone.
  const accept = (...args: readonly string[]) =>
    runCli(['accept', ...args], {
      BACKUP_DIR: folder.path,
      REDIS_URL: 'redis://127.0.0.1:9',
      POSTGRES_HOST: 'nowhere',
      POSTGRES_USER: 'backup',
      POSTGRES_DB: 'shop,orders',
    });
  async function makeSuspect(hours: number, database = 'shop'): Promise<Manifest> {
    const made = await makeDump(folder.path, { database, takenAt: hoursAgo(hours) });
    const manifest = { ...made, suspect: { percent: 2, usualSqlBytes: 50 * made.sqlBytes } };
    await writeManifest(folder.path, manifest);
    return manifest;
  }
  const acceptedIn = async () =>
    (await readFolder(folder.path)).dumps
      .filter(({ acceptance }) => acceptance !== undefined)
      .map((dump) => dump.manifest.name);

  it('accepts the newest dump of a database without Redis or a worker, and keeps the owner of the dump', async () => {
    const [older, newest] = [await makeSuspect(3), await makeSuspect(2)];
    const other = await makeSuspect(1, 'orders');
    const owner = unprivilegedUser();
    if (owner !== undefined) await chown(join(folder.path, manifestFileName(newest.name)), owner.uid, owner.gid);

    const { code, stdout, stderr } = await accept('latest', '--database', 'shop', '--reason', 'on purpose');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`^accepted ${newest.name}: it has .* of SQL, 2 % of what the last good ones had\n`),
    );
    expect(stdout).toContain('Old dumps of shop are deleted again after its next dump.');
    expect(stderr).toMatch(
      /^pgstow: the status page, metrics and alarms follow once a worker has read the folder: redis/,
    );
    expect(await acceptedIn()).toEqual([newest.name]);
    const record = join(folder.path, acceptanceFileName(newest.name));
    expect(JSON.parse(await readFile(record, 'utf8'))).toEqual({
      version: 1,
      name: newest.name,
      sha256: newest.sha256,
      acceptedAt: expect.stringMatching(/^20/),
      reason: 'on purpose',
    });
    const { mode, uid } = await stat(record);
    expect([mode & 0o777, uid]).toEqual([0o600, owner?.uid ?? process.getuid?.()]);

    await writeRestoreTest(folder.path, {
      version: 1,
      name: older.name,
      sha256: older.sha256,
      destination: 'local',
      result: 'bad',
      differences: ['x'],
      differenceCount: 1,
      notes: [],
      testedAt: hoursAgo(1).toISOString(),
      durationMs: 1,
    });
    const bad = await accept(older.name);
    expect([bad.code, bad.stdout]).toEqual([0, expect.stringContaining('its restore test from local is bad')]);
    expect(bad.stdout).not.toContain('deleted again');
    expect(await acceptedIn()).toEqual([older.name, newest.name]);
    expect(await readdir(folder.path)).not.toContain(acceptanceFileName(other.name));
  });

  describe('of a dump that a restore test found bad', () => {
    const test = async (more: Partial<RestoreTest>, hours = 1) => {
      const { name, sha256 } = await makeDump(folder.path, { takenAt: hoursAgo(hours) });
      await writeRestoreTest(folder.path, {
        version: 1,
        name,
        sha256,
        destination: 'local',
        result: 'bad',
        reason: 'view public.v is missing',
        differences: ['view public.v is missing'],
        differenceCount: 1,
        notes: [],
        testedAt: hoursAgo(1).toISOString(),
        durationMs: 1,
        ...more,
      });
      return name;
    };
    const resultOf = async (name: BackupName) => (await findDump(folder.path, name))?.restoreTests.get('local')?.result;

    it('refuses what no word makes whole, and what has no name to accept it by', async () => {
      const torn = { reason: 'it does not restore: x', differences: [], differenceCount: 0 };
      const cases: readonly (readonly [Partial<RestoreTest>, string])[] = [
        [torn, 'it does not restore: x; no word'],
        // As version 0.1 wrote it.
        [{}, 'an earlier version tested it'],
        [{ differenceCount: 12_000, findings: ['0'.repeat(16)] }, 'it has 12,000 differences, and at most 1'],
      ];
      for (const [more, said] of cases) {
        const name = await test(more);
        const { code, stderr } = await accept(name, '--reason', 'so be it');
        expect([code, stderr]).toEqual([3, expect.stringContaining(`${name} at local cannot be accepted: ${said}`)]);
        expect(await resultOf(name)).toBe('bad');
      }
    });

    it('needs a reason, says what it accepts, and names the newest bad one where the newest dump is not', async () => {
      const findings = ['1'.repeat(16)];
      const name = await test({ findings }, 2);
      const { name: newest } = await makeDump(folder.path, { takenAt: hoursAgo(1) });
      const other = await accept('latest', '--database', 'shop', '--reason', 'so be it');
      expect([other.code, other.stderr]).toEqual([
        3,
        expect.stringMatching(`${newest} is not suspect.*\n.*accept ${name}`),
      ]);
      for (const reason of [[], ['--reason', ' ']]) expect((await accept(name, ...reason)).code).toBe(2);
      expect(await resultOf(name)).toBe('bad');
      const { code, stdout } = await accept(name, '--reason', ' so\nbe  it ');
      expect([code, stdout.split('\n')]).toEqual([
        0,
        [
          `accepted of ${name}, and of each dump of shop in which it is the same:`,
          '  view public.v is missing',
          'Old dumps of shop are deleted again after its next dump.',
        ],
      ]);
      expect(await resultOf(name)).toBe('good');
      const record = join(folder.path, findingsAcceptanceFileName(name));
      expect(JSON.parse(await readFile(record, 'utf8'))).toEqual({
        version: 1,
        name,
        words: [
          {
            acceptedAt: expect.stringMatching(/^20/),
            reason: 'so be it',
            findings: [{ key: findings[0], difference: 'view public.v is missing' }],
          },
        ],
      });
      const again = await accept(name);
      expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('is accepted already, since 20')]);

      // The same dump, tested once more.
      await test({ name, findings: [...findings, '2'.repeat(16)], differences: ['x', 'y'], differenceCount: 2 }, 2);
      expect((await accept(name, '--reason', 'this as well')).stdout).toContain(`in which it is the same:\n  y\nOld`);
      expect(await resultOf(name)).toBe('good');
    });

    it('accepts a suspicion and a finding one after the other', async () => {
      const { name, sha256 } = await makeSuspect(1);
      await test({ name, sha256, findings: ['1'.repeat(16)] }, 5);
      const first = await accept(name, '--reason', 'on purpose');
      expect([first.code, first.stdout]).toEqual([
        0,
        expect.stringContaining(`accept it as well: pgstow accept ${name}`),
      ]);
      expect(await resultOf(name)).toBe('bad');
      expect((await accept(name, '--reason', 'it is known')).code).toBe(0);
      expect(await resultOf(name)).toBe('good');
    });
  });

  it('does nothing where it is not sure what is meant, or there is nothing to accept', async () => {
    const suspect = await makeSuspect(2);
    const { name: good } = await makeDump(folder.path, { takenAt: hoursAgo(1) });
    for (const [args, wanted, said] of [
      [['latest'], 2, 'several databases are configured'],
      [['latest', '--database', 'crm'], 2, 'crm'],
      [['yesterday'], 2, 'expected latest or a backup'],
      [[suspect.name, '--database', 'orders'], 2, 'is a backup of shop, not of orders'],
      [[], 2, 'missing required argument'],
      [['latest', '--database', 'orders'], 1, 'no dump of orders lies in'],
      [[suspect.name.replace('shop', 'orders')], 1, 'no dump backup_orders_'],
      // The newest dump counts, not an older suspect one.
      [['latest', '--database', 'shop'], 3, `${good} is not suspect`],
    ] as const) {
      const { code, stderr } = await accept(...args);
      expect([args, code, stderr]).toEqual([args, wanted, expect.stringContaining(said)]);
    }
    expect(await acceptedIn()).toEqual([]);
  });
});
