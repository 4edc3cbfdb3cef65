import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { findServers, type Clients } from './client-version.ts';

/** No server of the source's major version is installed. Another attempt mends nothing, but a person may, at any time. */
export class NoScratchServerError extends RetryableError {
  override readonly name = 'NoScratchServerError';
}

/**
 * The server programs of exactly that major version: another one might refuse what the source's takes, or take what it refuses.
 *
 * @throws NoScratchServerError
 */
export async function chooseScratchPrograms(major: number): Promise<Clients> {
  const installed = await findServers();
  const found = installed.find((programs) => programs.major === major);
  if (found !== undefined) return found;
  const there = [...new Set(installed.map((programs) => programs.major))].sort((a, b) => a - b).join(', ');
  throw new NoScratchServerError(
    `there is no PostgreSQL server ${major} here, ${there === '' ? 'nor any other' : `only ${there}`}`,
    {
      hint: `Install the package postgresql-${major}, or build the image of the verify worker with PG_MAJORS="... ${major}".`,
    },
  );
}
