import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBackupName, parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { findingsAcceptanceFileName } from '@pgstow/shared/contract/findings-acceptance.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deleteDump } from './delete-dump.ts';
import { readAcceptedFindings } from './read-accepted-findings.ts';
import { findDump, readFolder } from './read-folder.ts';
import { writeFindingsAcceptance, writeManifest, writeRestoreTest } from './write-record.ts';

describe('a bad restore test in the backup folder', () => {
  let folder: TempFolder;
  beforeEach(async () => {
    folder = await tempFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  const nameAt = (second: number, database = 'shop') =>
    formatBackupName(database, new Date(Date.UTC(2026, 0, 1, 0, 0, second)));
  const manifestOf = (name: BackupName): Manifest => ({
    version: 1,
    name,
    database: 'shop',
    takenAt: parseBackupName(name).takenAt.toISOString(),
    origin: 'dumped',
    recordedAt: '2026-01-01T00:01:00.000Z',
    bytes: 4,
    sha256: 'a'.repeat(64),
    sqlBytes: 99,
  });
  const put = async (name: BackupName) => {
    await writeFile(join(folder.path, name), 'dump');
    await writeManifest(folder.path, manifestOf(name));
  };
  const test = (name: BackupName, more: Partial<RestoreTest> = {}): RestoreTest => ({
    version: 1,
    name,
    destination: 's3',
    sha256: 'a'.repeat(64),
    result: 'bad',
    reason: 'table public.t is missing',
    differences: ['table public.t is missing'],
    differenceCount: 1,
    findings: ['0123456789abcdef'],
    notes: [],
    testedAt: '2026-01-01T00:05:00.000Z',
    durationMs: 1,
    ...more,
  });
  const accept = (name: BackupName) =>
    writeFindingsAcceptance(folder.path, {
      version: 1,
      name,
      words: [
        {
          acceptedAt: '2026-01-02T00:00:00.000Z',
          reason: 'it is known',
          findings: [{ key: '0123456789abcdef', difference: 'table public.t is missing' }],
        },
      ],
    });
  const resultOf = async (name: BackupName) => (await findDump(folder.path, name))?.restoreTests.get('s3')?.result;

  it('is judged by what was accepted, when the dump that it was accepted of is gone', async () => {
    for (const second of [1, 2]) await put(nameAt(second));
    for (const second of [1, 2]) await writeRestoreTest(folder.path, test(nameAt(second)));
    expect([await resultOf(nameAt(1)), await resultOf(nameAt(2))]).toEqual(['bad', 'bad']);
    await accept(nameAt(1));
    await deleteDump(folder.path, nameAt(1));
    const { dumps, partials, faults } = await readFolder(folder.path);
    expect(dumps.map(({ restoreTests }) => restoreTests.get('s3'))).toEqual([
      expect.objectContaining({
        result: 'good',
        acceptedAt: '2026-01-02T00:00:00.000Z',
        notes: ['accepted on 2026-01-02 (it is known): table public.t is missing'],
      }),
    ]);
    expect({ partials, faults }).toEqual({ partials: [], faults: [] });
    expect(await findDump(folder.path, nameAt(2))).toMatchObject({ ...dumps[0] });
    expect((await readAcceptedFindings(folder.path, manifestOf(nameAt(3)))).size).toBe(1);
    await rm(join(folder.path, findingsAcceptanceFileName(nameAt(1))));
    expect(await resultOf(nameAt(2))).toBe('bad');
  });

  it('stays bad where another database has the acceptance, or it cannot be read', async () => {
    await put(nameAt(1));
    await writeRestoreTest(folder.path, test(nameAt(1)));
    await accept(nameAt(1, 'crm'));
    expect(await resultOf(nameAt(1))).toBe('bad');
    const file = findingsAcceptanceFileName(nameAt(1));
    await writeFile(join(folder.path, file), '{}');
    expect(await resultOf(nameAt(1))).toBe('bad');
    expect((await readFolder(folder.path)).faults).toEqual([`${file} cannot be read; it accepts nothing`]);
  });
});
