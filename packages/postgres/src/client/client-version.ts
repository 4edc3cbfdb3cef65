import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, delimiter, join } from 'node:path';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { isExecutable } from './installed-program.ts';
import { runProgram } from './run-program.ts';

/** PostgreSQL's client programs of one version, in one folder. */
export type Clients = {
  readonly folder: string;
  /** As in `15.18`. */
  readonly version: string;
  readonly major: number;
};

/** Folder of all major versions in Debian, in Ubuntu and in the PostgreSQL project's packages. */
const DEBIAN_FOLDER = '/usr/lib/postgresql';
const VERSION_MS = 10_000;

/**
 * Finds every installed pg_dump with its psql, newest first. Within a major version, those on PATH come first and in its
 * order: they are there to be used.
 */
export async function findClients(): Promise<readonly Clients[]> {
  return findInstalled('pg_dump', ['psql']);
}

/** Finds every installed server with its initdb and psql, in the same order. */
export async function findServers(): Promise<readonly Clients[]> {
  return findInstalled('postgres', ['initdb', 'psql']);
}

/** @param others programs that the same folder must have */
async function findInstalled(program: string, others: readonly string[]): Promise<readonly Clients[]> {
  const majors = await readdir(DEBIAN_FOLDER).catch(() => []);
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...majors.map((major) => join(DEBIAN_FOLDER, major, 'bin')),
  ];
  const found: Clients[] = [];
  for (const folder of new Set(folders)) {
    const path = join(folder, program);
    const areThere = await Promise.all([program, ...others].map((each) => isExecutable(join(folder, each))));
    if (areThere.includes(false) || (await isWrapper(path))) continue;
    const version = await rememberedVersion(path);
    if (version !== undefined) found.push({ folder, version, major: Number.parseInt(version, 10) });
  }
  return found.sort((a, b) => b.major - a.major);
}

/** Versions by path, size and time of change. */
const remembered = new Map<string, string>();

/** Runs a program for its version once in the life of this process, until another one is installed in its place. */
async function rememberedVersion(program: string): Promise<string | undefined> {
  const { size, mtimeMs, ctimeMs } = await stat(program);
  const key = `${program} ${size} ${mtimeMs} ${ctimeMs}`;
  const version = remembered.get(key) ?? (await readVersion(program));
  if (version !== undefined) remembered.set(key, version);
  return version;
}

/** The version of a program of PostgreSQL, as in `15.18`; `undefined` if it does not say one. */
export async function readVersion(program: string): Promise<string | undefined> {
  const { stdout, failed } = await runProgram([program, '--version'], { timeout: VERSION_MS });
  return failed ? undefined : /\(PostgreSQL\) (\d+[\w.]*)/.exec(stdout)?.[1];
}

/**
 * Debian's /usr/bin/pg_dump runs one of several, depending on the server that it is pointed at. Its `--version` need not be
 * that of the dump, and the real ones are found anyway.
 */
async function isWrapper(program: string): Promise<boolean> {
  return realpath(program).then(
    (path) => basename(path) === 'pg_wrapper',
    () => false,
  );
}

/** @throws PermanentError if there are none */
export function newestClients(installed: readonly Clients[]): Clients {
  const [newest] = installed;
  if (newest === undefined) {
    throw new PermanentError('found no pg_dump and psql, neither in /usr/lib/postgresql/*/bin nor on PATH', {
      hint: "Install PostgreSQL's client programs, for instance the package postgresql-client.",
    });
  }
  return newest;
}

/**
 * Chooses the clients that fit a server: its own major version, else the nearest newer one. Older ones refuse, and much newer
 * ones write settings that the server's own psql does not know.
 *
 * @param installed newest first; of one major version, the preferred ones first
 * @throws PermanentError if all are older than the server
 */
export function chooseClients(installed: readonly Clients[], serverMajor: number): Clients {
  const nearest = installed.findLast((clients) => clients.major >= serverMajor)?.major;
  const fitting = installed.find((clients) => clients.major === nearest);
  if (fitting !== undefined) return fitting;
  const newest = newestClients(installed);
  throw new PermanentError(`pg_dump ${newest.version} cannot dump a server of version ${serverMajor}: it is older`, {
    hint: `Install pg_dump ${serverMajor} or newer, for instance the package postgresql-client-${serverMajor}.`,
  });
}
