import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './find-program.ts';
import { testedPostgresBinDir } from './tested-postgres.ts';

// What this machine has, for `describe.skipIf(!hasRedis())`: a test is skipped, never faked, where it lacks something.

export const hasRedis = (): boolean => hasCommand('redis-server');

/** A whole PostgreSQL server with its client programs, of the version that is tested. */
export const hasPostgres = (): boolean => testedPostgresBinDir() !== undefined && hasCommand('psql');

/** Whether the PostgreSQL that is tested has that extension. */
export function hasExtension(name: string): boolean {
  const { stdout, status } = spawnSync(`${testedPostgresBinDir()}/pg_config`, ['--sharedir'], { encoding: 'utf8' });
  return status === 0 && existsSync(join(stdout.trim(), 'extension', `${name}.control`));
}

export const hasCommand = (name: string): boolean => findProgram(name) !== undefined;

export const isRoot = (): boolean => process.getuid?.() === 0;

/** Whether `smallDisk` works here: root alone is not enough in a container without CAP_SYS_ADMIN, so it is tried. */
export function canMountTmpfs(): boolean {
  if (!isRoot() || !hasCommand('mount')) return false;
  const folder = mkdtempSync(join(tmpdir(), 'pgstow-mount-'));
  try {
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]).status !== 0) return false;
    return spawnSync('umount', [folder]).status === 0;
  } finally {
    rmdirSync(folder);
  }
}

/** The program that encrypts dumps, from the package age. */
export const hasAge = (): boolean => hasCommand('age') && hasCommand('age-keygen');
