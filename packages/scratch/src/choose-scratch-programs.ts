import { findServers, type Clients } from '@pgstow/postgres/client/client-version.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { findExtensions } from './installation.ts';

/** No server of the source's major version is installed. Another attempt succeeds only once a person installs one. */
export class NoScratchServerError extends RetryableError {
  override readonly name = 'NoScratchServerError';
}

/**
 * Chooses the server programs of exactly that major version: another one might refuse what the source accepts, or accept what
 * it refuses.
 *
 * @throws NoScratchServerError
 */
export async function chooseScratchPrograms(major: number): Promise<Clients> {
  const installed = await findServers();
  const found = installed.find((programs) => programs.major === major);
  if (found !== undefined) return found;
  throw missing(
    major,
    installed.map((programs) => programs.major),
  );
}

/** Lists the major versions of the servers that are installed here, and the extensions of each. */
export async function listServers(): Promise<{
  readonly majors: number[];
  readonly extensions: Record<string, string[]>;
}> {
  const installed = await findServers();
  const extensions: Record<string, string[]> = {};
  for (const programs of installed.toReversed()) {
    const found = await findExtensions(programs);
    // The preferred one of a major version comes first, and is asked last.
    if (found !== undefined) extensions[programs.major] = [...found];
  }
  return { majors: installed.map(({ major }) => major), extensions };
}

/** @param installed major versions @throws NoScratchServerError if the wanted one is not among them */
export function assertServerMajor(wanted: number, installed: readonly number[]): void {
  if (!installed.includes(wanted)) throw missing(wanted, installed);
}

function missing(major: number, installed: readonly number[]): NoScratchServerError {
  const there = [...new Set(installed)].sort((a, b) => a - b).join(', ');
  return new NoScratchServerError(
    `there is no PostgreSQL server ${major} here, ${there === '' ? 'nor any other' : `only ${there}`}`,
    {
      hint: `Install the package postgresql-${major}, or build the images with PG_MAJORS="... ${major}".`,
    },
  );
}
