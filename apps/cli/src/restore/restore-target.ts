import { libpqEnvironment } from '@pgstow/postgres/client/libpq-environment.ts';
import {
  libpqVariables,
  parseServerUrl,
  type PostgresConfig,
  type PostgresConnection,
} from '@pgstow/shared/config/subjects/postgres.ts';
import { databaseNameSchema } from '@pgstow/shared/contract/target.ts';
import { misuse } from '../exit-codes.ts';

/** The database that a backup is restored into. */
export type RestoreTarget = {
  readonly database: string;
  /** Name for people, without the password. */
  readonly title: string;
  readonly host: string;
  readonly port: number;
  /** Whether it is on the server that the configuration names. */
  readonly isOnConfiguredServer: boolean;
  /** libpq's environment for a database of that server. */
  env(database: string): Record<string, string>;
};

export function isServerUrl(text: string): boolean {
  return /^postgres(?:ql)?:/i.test(text);
}

/**
 * Reads `--to`: a database of the configured server, or a URL. libpq finds a password that the URL lacks in `PGPASSWORD`, or
 * in the file that `PGPASSFILE` names.
 *
 * @throws ExitError
 */
export function parseTarget(to: string, configured: PostgresConfig | undefined): RestoreTarget {
  if (isServerUrl(to)) return fromUrl(to);
  if (configured === undefined) {
    throw misuse('--to names a database, and no server is configured', HINT);
  }
  const name = databaseNameSchema.safeParse(to);
  if (!name.success) throw misuse(`--to: ${name.error.issues[0]?.message}`, HINT);
  return describe(configured, to, true);
}

const HINT = 'Give --to postgresql://user:password@host:port/database, or set POSTGRES_HOST and POSTGRES_USER.';

function fromUrl(to: string): RestoreTarget {
  const faults: string[] = [];
  const server = parseServerUrl(to, (fault) => faults.push(fault));
  // The URL may hold a password, so the error does not repeat it.
  if (server === undefined || faults.length > 0) throw misuse(`--to: ${faults.join('; ')}`, HINT);
  const { database, port = 5432, password = process.env['PGPASSWORD'] } = server;
  const libpq = { ...libpqVariables(process.env), ...server.libpq };
  return describe({ ...server, port, password, libpq }, database, false);
}

function describe(server: PostgresConnection, database: string, isOnConfiguredServer: boolean): RestoreTarget {
  return {
    database,
    title: `${JSON.stringify(database)} on ${server.host}:${server.port}`,
    host: server.host,
    port: server.port,
    isOnConfiguredServer,
    env: (name) => libpqEnvironment(server, name, 'pgstow restore'),
  };
}
