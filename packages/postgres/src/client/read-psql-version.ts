import { join } from 'node:path';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { readVersion, type Clients } from './client-version.ts';

/** Reads the version of psql itself. Its folder's pg_dump may be of another one, where a person has put them together. */
export async function readPsqlVersion({ folder }: Clients): Promise<string> {
  const psql = join(folder, 'psql');
  const version = await readVersion(psql);
  if (version !== undefined) return version;
  throw new PermanentError(`${psql} does not say which version it is`, {
    hint: "Install PostgreSQL's client programs, for instance the package postgresql-client.",
  });
}
