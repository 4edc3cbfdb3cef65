import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { DEBIAN_FOLDER, postgresBinDirs } from './find-program.ts';

/**
 * The folder of the PostgreSQL server that tests talk to: of the major version in `PGSTOW_TEST_POSTGRES`, else of the newest
 * one; `undefined` if there is none at all.
 *
 * @throws Error if the version that was asked for is not there: tests that are skipped would look like a version that works
 */
export function testedPostgresBinDir(): string | undefined {
  const wanted = process.env['PGSTOW_TEST_POSTGRES'] ?? '';
  const folders = postgresBinDirs();
  if (wanted === '') return folders[0];
  const found = folders.find((folder) => folder === `${DEBIAN_FOLDER}/${wanted}/bin`);
  if (found !== undefined) return found;
  throw new Error(
    `PGSTOW_TEST_POSTGRES: wanted a server in ${DEBIAN_FOLDER}/${wanted}/bin, found ${folders.join(', ') || 'none'}`,
  );
}

/** The major version of that server. */
export function testedMajor(): number {
  const folder = testedPostgresBinDir();
  if (folder === undefined) throw new Error('wanted a PostgreSQL server, found none');
  return majorIn(folder);
}

/** Major versions of all servers that are here, newest first. */
export function installedMajors(): readonly number[] {
  return postgresBinDirs().map(majorIn);
}

function majorIn(folder: string): number {
  const { stdout } = spawnSync(join(folder, 'postgres'), ['--version'], { encoding: 'utf8' });
  return Number.parseInt(/\(PostgreSQL\) (\d+)/.exec(stdout)![1]!, 10);
}
