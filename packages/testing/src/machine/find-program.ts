import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export const DEBIAN_FOLDER = '/usr/lib/postgresql';

/** Where an executable lies: on PATH, or in the folders that Debian keeps out of an ordinary user's PATH. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/bin', '/usr/bin', '/usr/sbin', '/sbin'];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** The folders that hold a whole PostgreSQL server (initdb and postgres): Debian's by major version, newest first, then PATH's. */
export function postgresBinDirs(): readonly string[] {
  const onPath = findProgram('initdb')?.replace(/\/initdb$/, '');
  const folders = [
    ...debianVersions().map((version) => `${DEBIAN_FOLDER}/${version}/bin`),
    ...(onPath ? [onPath] : []),
  ];
  return folders.filter((folder) => isExecutable(join(folder, 'initdb')) && isExecutable(join(folder, 'postgres')));
}

function debianVersions(): readonly string[] {
  try {
    return readdirSync(DEBIAN_FOLDER).sort((a, b) => Number(b) - Number(a));
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
