import { afterEach, expect, test, vi } from 'vitest';
import { hasPostgres } from './capabilities.ts';
import { postgresBinDirs } from './find-program.ts';
import { testedPostgresBinDir } from './tested-postgres.ts';

afterEach(() => vi.unstubAllEnvs());

test.skipIf(!hasPostgres())('the newest PostgreSQL is tested unless a major version is named', () => {
  for (const folder of postgresBinDirs()) {
    const major = /postgresql\/(\d+)\/bin$/.exec(folder)?.[1];
    if (major === undefined) continue;
    vi.stubEnv('PGSTOW_TEST_POSTGRES', major);
    expect(testedPostgresBinDir()).toBe(folder);
  }
  vi.stubEnv('PGSTOW_TEST_POSTGRES', '');
  expect(testedPostgresBinDir()).toBe(postgresBinDirs()[0]);
});

test('a version that is not there fails the tests instead of skipping them', () => {
  vi.stubEnv('PGSTOW_TEST_POSTGRES', '7');
  expect(() => hasPostgres()).toThrow(/wanted a server in .*\/7\/bin, found /);
});
