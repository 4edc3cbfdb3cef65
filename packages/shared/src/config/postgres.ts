import { z } from 'zod';
import { targetNameSchema } from '../contract/target.ts';
import { parseDatabaseList } from './database-list.ts';
import { parseExtraOptions } from './extra-options.ts';
import { defineSubject, type ReportFault, type Values } from './subject.ts';
import { wholeNumber } from './whole-number.ts';

/** A PostgreSQL server, its role, and the databases of it that are targets. */
export type PostgresConfig = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly databases: readonly string[];
  readonly sslMode: string | undefined;
  readonly sslRootCert: string | undefined;
  readonly extraOptions: readonly string[];
};

const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

const variables = {
  POSTGRES_HOST: {
    schema: z.string().optional(),
    description:
      'Host name or address of the server, or the folder of its Unix socket. Required, unless `DATABASE_URL` is given.',
  },
  POSTGRES_PORT: { schema: wholeNumber('a port', 1, 65_535).default(5432), description: 'Port of the server.' },
  POSTGRES_USER: {
    schema: z.string().optional(),
    description:
      'Role that dumps. It must be able to read everything: `CREATE ROLE backup LOGIN BYPASSRLS; GRANT pg_read_all_data TO backup;`. Required, unless `DATABASE_URL` is given.',
  },
  POSTGRES_PASSWORD: { schema: z.string().optional(), secret: true, description: 'Password of the role.' },
  POSTGRES_DB: {
    schema: z.string().optional(),
    description:
      'Database to back up, or several with commas between them; each is a target of its own. A name that holds a comma, or begins or ends with a space, is written in double quotes (`"a,b"`). Required, unless `DATABASE_URL` is given.',
  },
  POSTGRES_DATABASE: { schema: z.string().optional(), description: 'Another name for `POSTGRES_DB`.' },
  DATABASE_URL: {
    schema: z.string().optional(),
    secret: 'url',
    description:
      'All of the above in one: `postgresql://user:password@host:port/database`, with `sslmode` and `sslrootcert` as parameters if need be.',
  },
  PGSSLMODE: {
    schema: z.enum(sslModes).optional(),
    description: "libpq's TLS mode. Use `verify-full` for a server that is not on your own network.",
    defaultText: "libpq's own (`prefer`)",
  },
  PGSSLROOTCERT: {
    schema: z.string().optional(),
    description: 'File with the certificate authority that `verify-ca` and `verify-full` check against.',
  },
  POSTGRES_EXTRA_OPTS: {
    schema: z.string().optional(),
    description:
      'More options for pg_dump, split as a shell splits words, for instance `--exclude-table=log --no-owner`. Options that pgstow sets itself, or that change where the output goes or what it connects to, are refused.',
  },
} as const;

export const postgres = defineSubject({
  title: 'PostgreSQL',
  variables,
  build(values, report): PostgresConfig {
    const extraOptions = parseExtraOptions(values.POSTGRES_EXTRA_OPTS ?? '', (fault) =>
      report('POSTGRES_EXTRA_OPTS', fault),
    );
    const connection =
      values.DATABASE_URL === undefined ? fromVariables(values, report) : fromUrl(values.DATABASE_URL, values, report);
    return { ...connection, extraOptions };
  },
});

type Connection = Omit<PostgresConfig, 'extraOptions'>;

function fromVariables(values: Values<typeof variables>, report: ReportFault): Connection {
  for (const name of ['POSTGRES_HOST', 'POSTGRES_USER'] as const) {
    if (values[name] === undefined) report(name, 'is required and not set');
  }
  if (values.POSTGRES_DB !== undefined && values.POSTGRES_DATABASE !== undefined) {
    report('POSTGRES_DB', 'give either POSTGRES_DB or POSTGRES_DATABASE, not both');
  }
  const list = values.POSTGRES_DB ?? values.POSTGRES_DATABASE;
  if (list === undefined) report('POSTGRES_DB', 'is required and not set');
  return {
    host: values.POSTGRES_HOST ?? '',
    port: values.POSTGRES_PORT,
    user: values.POSTGRES_USER ?? '',
    password: values.POSTGRES_PASSWORD,
    databases: parseDatabaseList(list ?? '', (fault) => report('POSTGRES_DB', fault)),
    sslMode: values.PGSSLMODE,
    sslRootCert: values.PGSSLROOTCERT,
  };
}

function fromUrl(text: string, values: Values<typeof variables>, report: ReportFault): Connection {
  const fault = (message: string): void => report('DATABASE_URL', message);
  for (const name of [
    'POSTGRES_HOST',
    'POSTGRES_USER',
    'POSTGRES_PASSWORD',
    'POSTGRES_DB',
    'POSTGRES_DATABASE',
  ] as const) {
    if (values[name] !== undefined) fault(`give either DATABASE_URL or ${name}, not both`);
  }
  const server = parseServerUrl(text, fault);
  if (server === undefined)
    return fromVariables({ ...values, POSTGRES_HOST: '-', POSTGRES_USER: '-', POSTGRES_DB: '-' }, report);
  const { database, port, sslMode, sslRootCert, ...rest } = server;
  return {
    ...rest,
    port: port ?? values.POSTGRES_PORT,
    databases: [database],
    sslMode: sslMode ?? values.PGSSLMODE,
    sslRootCert: sslRootCert ?? values.PGSSLROOTCERT,
  };
}

/** What a URL says of a server, a role and a database; `undefined` where it leaves something to its reader. */
export type ServerUrl = Pick<PostgresConfig, 'host' | 'user' | 'password' | 'sslMode' | 'sslRootCert'> & {
  readonly port: number | undefined;
  readonly database: string;
};

/** Reads `postgresql://user:password@host:port/database`. @returns `undefined` if it is no such URL at all */
export function parseServerUrl(text: string, fault: (message: string) => void): ServerUrl | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['postgres:', 'postgresql:'].includes(url.protocol)) {
    fault('expected postgresql://user:password@host:port/database');
    return undefined;
  }
  if (url.hash !== '') fault('holds a #; write it as %23');
  const part = (encoded: string): string => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      fault('holds a % that is not part of a percent-encoded character');
      return '';
    }
  };
  const database = part(url.pathname.slice(1));
  const named = targetNameSchema.safeParse(database);
  if (url.hostname === '' || url.username === '' || !named.success)
    fault('expected postgresql://user:password@host:port/database, with user, host and database');
  const sslMode = z
    .enum(sslModes)
    .optional()
    .safeParse(url.searchParams.get('sslmode') ?? undefined);
  if (!sslMode.success) fault(`sslmode is one of ${sslModes.join(', ')}`);
  for (const name of url.searchParams.keys()) {
    if (name !== 'sslmode' && name !== 'sslrootcert')
      fault(`the parameter ${name} is not known; sslmode and sslrootcert are`);
  }
  return {
    // An IPv6 address stands in brackets in a URL, and without them for libpq.
    host: part(url.hostname).replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? undefined : Number(url.port),
    user: part(url.username),
    password: url.password === '' ? undefined : part(url.password),
    database,
    sslMode: sslMode.data,
    sslRootCert: url.searchParams.get('sslrootcert') ?? undefined,
  };
}
