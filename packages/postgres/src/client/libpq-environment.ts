import type { PostgresConnection } from '@pgstow/shared/config/subjects/postgres.ts';
import { serviceFile } from './service-file.ts';

/**
 * The whole environment of a client process, and the only place for the password. `PGDATABASE` names the database, and libpq
 * takes it literally; as an argument, the name `host=evil dbname=x` would be a connection string.
 *
 * Source: https://www.postgresql.org/docs/current/libpq-envars.html
 */
export function libpqEnvironment(
  server: PostgresConnection,
  database: string,
  applicationName: string,
): Record<string, string> {
  const wanted: Record<string, string | undefined> = {
    PATH: process.env['PATH'],
    // Client certificates and a password file may lie there.
    HOME: process.env['HOME'],
    PGPASSFILE: process.env['PGPASSFILE'],
    LC_ALL: 'C.UTF-8',
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: server.user,
    PGPASSWORD: server.password,
    PGDATABASE: database,
    PGCONNECT_TIMEOUT: '15',
    ...server.libpq,
    ...serviceFile(server.libpqFile),
    PGAPPNAME: applicationName,
  };
  return Object.fromEntries(
    Object.entries(wanted).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
