import { z } from 'zod';
import { databaseNameSchema } from '../../contract/target.ts';
import { defineSubject, type ReportFault, type Values } from '../subject.ts';
import { isListed, parseDatabaseList, type DatabaseList } from '../values/database-list.ts';
import { parseExtraOptions } from '../values/extra-options.ts';
import { readUrlParameters } from '../values/libpq-parameters.ts';
import { wholeNumber } from '../values/whole-number.ts';
import { TARGETS_FILE } from './targets.ts';

/** The databases of a server that are to be backed up, as POSTGRES_DB and its like ask for them. */
export type AskedDatabases = {
  /** Those that are named, whether they are there or not. */
  readonly databases: readonly string[];
  /** Patterns by which more of them are found at each run; none where all are named. */
  readonly patterns: readonly string[];
  /** Those that are not to be found. */
  readonly exclude: DatabaseList;
  /** Whether the globals are dumped as well, and with the passwords of roles. */
  readonly globals: 'off' | 'on' | 'with-passwords';
};

/** A PostgreSQL server, and the role that asks it. */
export type PostgresConnection = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  /** More environment variables for libpq: `PGSSLMODE`, say. */
  readonly libpq: Readonly<Record<string, string>>;
  /** Parameters of the connection that libpq reads from a service file alone: `keepalives_idle`, say. */
  readonly libpqFile: Readonly<Record<string, string>>;
};

/** A PostgreSQL server, the role that dumps, and the databases that are targets. */
export type PostgresConfig = PostgresConnection & AskedDatabases & { readonly extraOptions: readonly string[] };

const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

const targetSessionAttributes = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;

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
      'Database to back up, or several with commas between them; each is a target of its own. A name that holds a comma or a `*`, or begins or ends with a space, is written in double quotes (`"a,b"`). `*` is every database of the server, and `app_*` each one whose name begins so: they are looked up before each run, without templates and databases that allow no connections. Required, unless `DATABASE_URL` is given.',
  },
  POSTGRES_DB_EXCLUDE: {
    schema: z.string().optional(),
    description:
      'Databases that `*` in `POSTGRES_DB` leaves out, as names or patterns with commas between them: `postgres, test_*`, where `*` is any text and `?` any character. It wins over a pattern in `POSTGRES_DB`.',
    defaultText: 'none',
  },
  POSTGRES_DATABASE: { schema: z.string().optional(), description: 'Another name for `POSTGRES_DB`.' },
  TARGETS_FILE,
  DATABASE_URL: {
    schema: z.string().optional(),
    secret: 'url',
    description:
      "All of the above in one: `postgresql://user:password@host:port/database?sslmode=require`. Every parameter of libpq's is handed on; those that only an application's library knows (`schema`, `pgbouncer`, `connection_limit`) are left out with a warning.",
  },
  BACKUP_GLOBALS: {
    schema: z.enum(['auto', 'on', 'with-passwords', 'off']).default('auto'),
    description:
      'Whether roles, their memberships and settings, tablespaces, and the rights and settings of databases are dumped with each run, as `globals_<YYYYMMDD>_<HHMMSS>.sql.gz`: `auto` does so where `POSTGRES_DB` has a `*`. No dump of a database holds them. `with-passwords` adds the passwords of roles (their hashes), where the role that dumps may read them, as a superuser or a member of pg_read_all_data may.',
    defaultText: '`auto`',
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
  PGSSLCERT: { schema: z.string().optional(), description: "File with the role's client certificate." },
  PGSSLKEY: {
    schema: z.string().optional(),
    description: 'File with the private key of the client certificate. libpq refuses one that others may read.',
  },
  PGTARGETSESSIONATTRS: {
    schema: z.enum(targetSessionAttributes).optional(),
    description: 'Which server will do, where `POSTGRES_HOST` leads to several: `prefer-standby`, for instance.',
    defaultText: "libpq's own (`any`)",
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
  build(values, report, warn): PostgresConfig {
    const extraOptions = parseExtraOptions(values.POSTGRES_EXTRA_OPTS ?? '', (fault) =>
      report('POSTGRES_EXTRA_OPTS', fault),
    );
    const connection = isWithoutServer(values)
      ? NO_SERVER
      : values.DATABASE_URL === undefined
        ? fromVariables(values, report)
        : fromUrl(values.DATABASE_URL, values, report, warn);
    const exclude = readExclude(values.POSTGRES_DB_EXCLUDE ?? '', connection, report, warn);
    const isOn = values.BACKUP_GLOBALS === 'auto' ? connection.patterns.length > 0 : values.BACKUP_GLOBALS !== 'off';
    const globals = values.BACKUP_GLOBALS === 'with-passwords' ? 'with-passwords' : isOn ? 'on' : 'off';
    return { ...connection, exclude, globals, extraOptions };
  },
});

type Connection = PostgresConnection & Pick<AskedDatabases, 'databases' | 'patterns'>;

function readExclude(
  list: string,
  { databases, patterns }: Pick<Connection, 'databases' | 'patterns'>,
  report: ReportFault,
  warn: (warning: string) => void,
): DatabaseList {
  const exclude = parseDatabaseList(list, (fault) => report('POSTGRES_DB_EXCLUDE', fault), 'with * or ?');
  const both = databases.find((name) => isListed(name, exclude));
  if (both !== undefined)
    report(
      'POSTGRES_DB_EXCLUDE',
      `excludes ${JSON.stringify(both)}, which POSTGRES_DB names; leave it out of one of them`,
    );
  if (list !== '' && patterns.length === 0)
    warn('POSTGRES_DB_EXCLUDE has no effect: POSTGRES_DB has no pattern such as *');
  return exclude;
}

/** Whether the environment names no server, because TARGETS_FILE names them all. */
function isWithoutServer(values: Values<typeof variables>): boolean {
  const named = [values.POSTGRES_HOST, values.POSTGRES_USER, values.POSTGRES_DB, values.POSTGRES_DATABASE];
  return values.TARGETS_FILE !== undefined && [...named, values.DATABASE_URL].every((value) => value === undefined);
}

const NO_SERVER: Connection = {
  host: '',
  port: 5432,
  user: '',
  password: undefined,
  databases: [],
  patterns: [],
  libpq: {},
  libpqFile: {},
};

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
    ...readDatabases(list ?? '', (fault) => report('POSTGRES_DB', fault)),
    libpq: libpqVariables(values),
    libpqFile: {},
  };
}

function readDatabases(list: string, report: (fault: string) => void): Pick<Connection, 'databases' | 'patterns'> {
  const { names, patterns } = parseDatabaseList(list, report);
  return { databases: names, patterns };
}

const LIBPQ_VARIABLES = ['PGSSLMODE', 'PGSSLROOTCERT', 'PGSSLCERT', 'PGSSLKEY', 'PGTARGETSESSIONATTRS'] as const;

/** Environment variables of libpq's own that pgstow hands on. */
export function libpqVariables(
  values: Readonly<Partial<Record<(typeof LIBPQ_VARIABLES)[number], string | undefined>>>,
): Record<string, string> {
  return Object.fromEntries(
    LIBPQ_VARIABLES.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]] as const])),
  );
}

function fromUrl(
  text: string,
  values: Values<typeof variables>,
  report: ReportFault,
  warn: (warning: string) => void,
): Connection {
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
  const { database, port, libpq, ignored, ...rest } = server;
  for (const sentence of ignored) warn(`DATABASE_URL: ${sentence}`);
  return {
    ...rest,
    port: port ?? values.POSTGRES_PORT,
    // Nobody's database has this name.
    ...(database === '*' ? { databases: [], patterns: ['*'] } : { databases: [database], patterns: [] }),
    libpq: { ...libpqVariables(values), ...libpq },
  };
}

/** The server, role and database that a URL names; `undefined` for what it leaves out. */
export type ServerUrl = Pick<PostgresConfig, 'host' | 'user' | 'password' | 'libpq' | 'libpqFile'> & {
  readonly port: number | undefined;
  readonly database: string;
  /** Parameters that are left out, a sentence each. */
  readonly ignored: readonly string[];
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
  const { places, environment, file, ignored } = readUrlParameters(url.searchParams, fault);
  const database = places.dbname ?? part(url.pathname.slice(1));
  const host = places.host ?? part(url.hostname);
  const user = places.user ?? part(url.username);
  const password = places.password ?? part(url.password);
  const port = places.port ?? url.port;
  if (host === '' || user === '' || !databaseNameSchema.safeParse(database).success)
    fault('expected postgresql://user:password@host:port/database, with user, host and database');
  if (!/^\d*$/.test(port) || Number(port) > 65_535) fault('the port is not a number from 1 to 65535');
  if (environment['PGSSLMODE'] !== undefined && !sslModes.some((mode) => mode === environment['PGSSLMODE']))
    fault(`sslmode is one of ${sslModes.join(', ')}`);
  return {
    // An IPv6 address stands in brackets in a URL, and without them for libpq.
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? undefined : Number(port),
    user,
    password: password === '' ? undefined : password,
    database,
    libpq: environment,
    libpqFile: file,
    ignored,
  };
}
