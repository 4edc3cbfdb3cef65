/**
 * Parameters of a connection URL that libpq also reads from its environment: `ssl_min_protocol_version` as `PGSSLMINPROTOCOLVERSION`.
 *
 * Sources: https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-PARAMKEYWORDS,
 * https://www.postgresql.org/docs/18/libpq-envars.html
 */
const IN_ENVIRONMENT = words(`channel_binding connect_timeout gssdelegation gssencmode gsslib hostaddr krbsrvname
  load_balance_hosts max_protocol_version min_protocol_version options passfile require_auth requirepeer
  ssl_max_protocol_version ssl_min_protocol_version sslcert sslcertmode sslcompression sslcrl sslcrldir sslkey sslmode
  sslnegotiation sslrootcert sslsni target_session_attrs`);

/** Parameters that libpq reads from a service file alone. */
const IN_FILE = words(`keepalives keepalives_count keepalives_idle keepalives_interval scram_client_key scram_server_key
  sslpassword tcp_user_timeout`);

/** Parameters that are secrets in themselves. */
export const SECRET_PARAMETERS = ['password', 'sslpassword', 'scram_client_key', 'scram_server_key'] as const;

/** Parameters that say what the URL says before its question mark. */
const PLACES = ['host', 'port', 'user', 'password', 'dbname'] as const;

/** Parameters of libpq that would change what a backup is, or that pgstow sets itself, and what becomes of them. */
const OURS: Readonly<Record<string, string>> = {
  application_name: 'pgstow gives its connections a name of its own',
  client_encoding: 'a dump is taken in the encoding of its database',
  fallback_application_name: 'pgstow gives its connections a name of its own',
};

/** Parameters that libraries for applications read out of a URL, and libpq refuses: Prisma, SQLAlchemy, Doctrine, node-postgres, JDBC. */
const OF_LIBRARIES = words(`ApplicationName charset connection_limit currentSchema encoding max_idle_connection_lifetime
  pgbouncer pool pool_mode pool_size pool_timeout prepareThreshold prepared_statements schema search_path serverVersion
  single_use_connections socket_timeout sslaccept sslidentity statement_cache_size statement_timeout supa uselibpqcompat
  workaround`);

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/));
}

export type UrlParameters = {
  readonly places: Readonly<Partial<Record<(typeof PLACES)[number], string>>>;
  /** Environment variables of libpq. */
  readonly environment: Readonly<Record<string, string>>;
  /** Parameters that libpq reads from a service file alone. */
  readonly file: Readonly<Record<string, string>>;
  /** Parameters that are left out, a sentence each. */
  readonly ignored: readonly string[];
};

/** Sorts the parameters of a connection URL by where libpq takes them from. A parameter that stands twice counts as it stands last. */
export function readUrlParameters(parameters: URLSearchParams, fault: (message: string) => void): UrlParameters {
  const places: Partial<Record<(typeof PLACES)[number], string>> = {};
  const environment: Record<string, string> = {};
  const file: Record<string, string> = {};
  const ignored: string[] = [];
  for (const [name, value] of parameters) {
    const place = PLACES.find((one) => one === name);
    const reason = OURS[name];
    if (/[\r\n\0]/.test(value)) fault(`the parameter ${name} holds a line end`);
    else if (place !== undefined) places[place] = value;
    // As libpq reads it, for the sake of JDBC.
    else if (name === 'ssl' && value === 'true') environment['PGSSLMODE'] = 'require';
    else if (IN_FILE.has(name)) file[name] = value;
    else if (IN_ENVIRONMENT.has(name)) environment[variableOf(name)] = value;
    else if (reason !== undefined) ignored.push(`its parameter ${name} is left out: ${reason}`);
    else if (OF_LIBRARIES.has(name))
      ignored.push(`its parameter ${name} is left out: it is one of a library, not of PostgreSQL`);
    else fault(`the parameter ${name} is not known to PostgreSQL`);
  }
  return { places, environment, file, ignored };
}

function variableOf(name: string): string {
  return name === 'connect_timeout' ? 'PGCONNECT_TIMEOUT' : `PG${name.replaceAll('_', '').toUpperCase()}`;
}
