import type { Clients } from '@pgstow/postgres/client/client-version.ts';
import { findInstallation, readInstalled } from './installation.ts';

/** Libraries of extensions whose control file names another one than the server must load. */
const LOADED_FOR: Readonly<Record<string, string>> = {
  // The control file names the library of one version, which this one loads.
  // Source: https://github.com/timescale/timescaledb/blob/main/src/loader/README.md
  timescaledb: 'timescaledb',
};
/** Libraries that stand before all others. Source: https://docs.citusdata.com/en/stable/installation/multi_node.html */
const FIRST = ['citus', 'pg_stat_statements'];
/** The words with which a library refuses to be loaded later, and not the variable of PostgreSQL that tells it. */
const WANTS_PRELOADING = /(?<!process_)shared_preload_libraries/;
const NAME = /^[\w-]+$/;

/**
 * Finds the libraries that a server must load at its start for some extensions: those that say so in an error message of
 * theirs. Every library that checks for it names `shared_preload_libraries` there.
 *
 * @param extensions names that may come from anyone
 * @returns those that are installed beside the server's programs, in the order in which it loads them
 */
export async function findPreloadLibraries(
  clients: Clients,
  extensions: readonly string[],
): Promise<readonly string[]> {
  const installation = await findInstallation(clients);
  const found = new Set<string>();
  for (const extension of extensions.filter((name) => NAME.test(name))) {
    const control = await readInstalled(installation.extensions, `${extension}.control`);
    const [, named] = /^\s*module_pathname\s*=\s*'(?:\$libdir\/)?([\w.-]+)'/m.exec(control ?? '') ?? [];
    const library = LOADED_FOR[extension] ?? named ?? extension;
    const content = await readInstalled(installation.libraries, `${library}.so`);
    if (content !== undefined && WANTS_PRELOADING.test(content)) found.add(library);
  }
  const rank = (library: string): number => (FIRST.includes(library) ? FIRST.indexOf(library) : FIRST.length);
  return [...found].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}
