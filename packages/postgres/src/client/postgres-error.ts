import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { DAMAGED, hintOfDamage, shellWord } from './damaged-source.ts';
import { inEnglish } from './in-english.ts';

/** Facts that a reading of the client's words gives besides the hint. */
export type ClientFacts = {
  /** The hint names settings of ours, which say nothing of a server that a URL names. */
  readonly namesSettings?: boolean;
  /** The server may let the role into another database. */
  readonly isOfDatabase?: boolean;
  /** The server has no connection free. */
  readonly isCrowded?: boolean;
};

type Reading = {
  readonly pattern: RegExp;
  readonly Kind: typeof PermanentError | typeof RetryableError;
  readonly hint: string | ((said: string) => string);
  readonly facts: ClientFacts;
};

function permanent(pattern: RegExp, hint: Reading['hint'], facts: ClientFacts = {}): Reading {
  return { pattern, Kind: PermanentError, hint, facts };
}

function passing(pattern: RegExp, hint: Reading['hint'], facts: ClientFacts = {}): Reading {
  return { pattern, Kind: RetryableError, hint, facts };
}

/** Messages of the clients, which speak English as our environment asks, and of the server in English, and hints for them. */
const READINGS: readonly Reading[] = [
  permanent(
    /password authentication failed|no password supplied|role ".*" does not exist|role ".*" is not permitted to log in/,
    'Check POSTGRES_USER and POSTGRES_PASSWORD.',
    { namesSettings: true },
  ),
  permanent(/database ".*" does not exist/s, 'Check POSTGRES_DB; the name is taken as it is, capitals included.', {
    namesSettings: true,
    isOfDatabase: true,
  }),
  permanent(
    /no pg_hba\.conf entry|pg_hba\.conf rejects connection/,
    "The server's pg_hba.conf does not let this address in with this user, database and TLS mode.",
    { isOfDatabase: true },
  ),
  permanent(
    /certificate verify failed|server certificate for|root certificate file|does not support SSL|invalid sslmode/,
    'Check PGSSLMODE and PGSSLROOTCERT.',
  ),
  permanent(
    /permission denied for|query would be affected by row-level security/,
    'The role cannot read everything: CREATE ROLE backup LOGIN BYPASSRLS; GRANT pg_read_all_data TO backup;',
  ),
  permanent(/aborting because of server version mismatch/, "Install a pg_dump of the server's version."),
  permanent(/no matching (?:tables|schemas|extensions) were found/, 'Check POSTGRES_EXTRA_OPTS.', {
    namesSettings: true,
  }),
  passing(
    /could not translate host name/,
    'Check POSTGRES_HOST; is the database in a network that this container has joined?',
    { namesSettings: true },
  ),
  passing(
    /failed: (?:Connection refused|No such file or directory)|timeout expired|No route to host/,
    'Is the server running, and are POSTGRES_HOST and POSTGRES_PORT right?',
    { namesSettings: true },
  ),
  permanent(
    /database ".*" is not currently accepting connections/s,
    'Let the database be connected to: ALTER DATABASE ... ALLOW_CONNECTIONS true.',
    { isOfDatabase: true },
  ),
  passing(
    /too many clients already|connection slots are reserved|too many connections for/,
    'No connection is free. Raise max_connections of the server, or the CONNECTION LIMIT of role or database, or see who holds them.',
    { isCrowded: true },
  ),
  passing(
    /the database system is (?:starting up|shutting down|in recovery mode|not yet accepting connections)/,
    'The server is starting or stopping.',
  ),
  passing(
    /due to conflict with recovery/,
    'The source is a standby, which broke the dump off to follow its primary. Set hot_standby_feedback = on there, or raise max_standby_streaming_delay and max_standby_archive_delay beyond the time of a dump, or dump the primary.',
  ),
  passing(
    /server closed the connection|terminating connection|connection to server was lost|could not receive data|SSL SYSCALL/,
    'The server or the network ended the connection; the log of the server says more.',
  ),
  permanent(/invalid memory alloc request size \d{10}$|Cannot enlarge string buffer/m, tooLargeRow),
  passing(
    // pg_dump bounds its wait for a lock by the statement's time.
    /lock timeout|canceling statement due to statement timeout/,
    'A table is locked, for instance by a migration; the dump is tried again.',
  ),
  passing(/No space left on device|Disk quota exceeded/, 'The disk of the database server is full.'),
  permanent(DAMAGED, hintOfDamage),
  passing(
    /cache lookup failed for/,
    'Something was dropped while it was dumped. If this comes back, a catalog of the source is damaged.',
  ),
];

/** Makes an error of a client program's last words. */
export function postgresError(message: string, stderr: string): PermanentError | RetryableError {
  const said = stderr.trim();
  const english = inEnglish(said);
  const reading = READINGS.find(({ pattern }) => pattern.test(english));
  const full = said === '' ? message : `${message}: ${said}`;
  if (reading === undefined) return new RetryableError(full, said === '' ? {} : { hint: UNKNOWN });
  const hint = typeof reading.hint === 'string' ? reading.hint : reading.hint(said);
  return new reading.Kind(full, { hint, facts: reading.facts });
}

const UNKNOWN = "pgstow does not know this message, which is the program's own. It is tried again.";

/** The server writes a row of a COPY into one piece of memory, and takes no piece of more than 1 GB. */
function tooLargeRow(said: string): string {
  const [, table = 'TABLE'] = /^pg_dump: detail: Command was: COPY (.+?) \(/m.exec(said) ?? [];
  return `A row is too large for COPY, which takes up to 1 GB of text: a bytea of more than 512 MB is larger, and so is a text of 1 GB. Split the value or make it a large object, or leave out the rows of the table: POSTGRES_EXTRA_OPTS=${shellWord(`--exclude-table-data=${table}`)}.`;
}

/** The facts of an error that `postgresError` made; `undefined` if it read nothing in the client's words. */
export function clientFactsOf(error: unknown): ClientFacts | undefined {
  return (error as { readonly facts?: ClientFacts }).facts;
}
