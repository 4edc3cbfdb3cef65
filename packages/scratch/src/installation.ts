import { readdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clients } from '@pgstow/postgres/client/client-version.ts';
import { isThere } from '@pgstow/shared/runtime/atomic-file.ts';

/** An installation of a PostgreSQL server. A folder is `undefined` where it was not found. */
export type Installation = {
  /** Folder of control files. */
  readonly extensions: string | undefined;
  readonly libraries: string | undefined;
};

/** Finds the folders of a server's programs: those of a build from source, of the Alpine images, and Debian's. */
export async function findInstallation({ folder, major }: Clients): Promise<Installation> {
  const programs = dirname(await realpath(join(folder, 'postgres')));
  const shared = [join(programs, '../share'), join(programs, '../share/postgresql'), `/usr/share/postgresql/${major}`];
  const extensions = shared.map((each) => join(each, 'extension'));
  return {
    extensions: await firstWith('plpgsql.control', extensions),
    libraries: await firstWith('plpgsql.so', [join(programs, '../lib'), join(programs, '../lib/postgresql')]),
  };
}

/** Finds the extensions that a server can make; `undefined` where that cannot be told. */
export async function findExtensions(clients: Clients): Promise<readonly string[] | undefined> {
  const { extensions } = await findInstallation(clients);
  if (extensions === undefined) return undefined;
  const names = (await readdir(extensions)).flatMap((file) => /^([^.]+)\.control$/.exec(file)?.[1] ?? []);
  // The control file of one version bears its number.
  return names.filter((name) => !name.includes('--')).sort();
}

/** Reads a file of an installation, a character for each byte; `undefined` where it has none. */
export async function readInstalled(folder: string | undefined, name: string): Promise<string | undefined> {
  if (folder === undefined) return undefined;
  return await readFile(join(folder, name), 'latin1').catch(() => undefined);
}

async function firstWith(file: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) if (await isThere(join(folder, file))) return folder;
  return undefined;
}
