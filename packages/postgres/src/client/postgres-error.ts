import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { inEnglish } from './in-english.ts';

/** What a reading of the client's words says besides the hint. */
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
  readonly permanent: boolean;
  readonly hint: string | ((said: string) => string);
  readonly facts?: ClientFacts;
};

/** Messages of the clients, which speak English as our environment asks, and of the server in English, and hints for them. */
const READINGS: readonly Reading[] = [
  {
    pattern:
      /password authentication failed|no password supplied|role ".*" does not exist|role ".*" is not permitted to log in/,
    permanent: true,
    hint: 'Check POSTGRES_USER and POSTGRES_PASSWORD.',
    facts: { namesSettings: true },
  },
  {
    pattern: /database ".*" does not exist/s,
    permanent: true,
    hint: 'Check POSTGRES_DB; the name is taken as it is, capitals included.',
    facts: { namesSettings: true, isOfDatabase: true },
  },
  {
    pattern: /no pg_hba\.conf entry|pg_hba\.conf rejects connection/,
    permanent: true,
    hint: "The server's pg_hba.conf does not let this address in with this user, database and TLS mode.",
    facts: { isOfDatabase: true },
  },
  {
    pattern:
      /certificate verify failed|server certificate for|root certificate file|does not support SSL|invalid sslmode/,
    permanent: true,
    hint: 'Check PGSSLMODE and PGSSLROOTCERT.',
  },
  {
    pattern: /permission denied for|query would be affected by row-level security/,
    permanent: true,
    hint: 'The role cannot read everything: CREATE ROLE backup LOGIN BYPASSRLS; GRANT pg_read_all_data TO backup;',
  },
  {
    pattern: /aborting because of server version mismatch/,
    permanent: true,
    hint: "Install a pg_dump of the server's version.",
  },
  {
    pattern: /no matching (?:tables|schemas|extensions) were found/,
    permanent: true,
    hint: 'Check POSTGRES_EXTRA_OPTS.',
    facts: { namesSettings: true },
  },
  {
    pattern: /could not translate host name/,
    permanent: false,
    hint: 'Check POSTGRES_HOST; is the database in a network that this container has joined?',
    facts: { namesSettings: true },
  },
  {
    pattern: /failed: (?:Connection refused|No such file or directory)|timeout expired|No route to host/,
    permanent: false,
    hint: 'Is the server running, and are POSTGRES_HOST and POSTGRES_PORT right?',
    facts: { namesSettings: true },
  },
  {
    pattern: /database ".*" is not currently accepting connections/s,
    permanent: true,
    hint: 'Let the database be connected to: ALTER DATABASE ... ALLOW_CONNECTIONS true.',
    facts: { isOfDatabase: true },
  },
  {
    pattern: /too many clients already|connection slots are reserved|too many connections for/,
    permanent: false,
    hint: 'No connection is free. Raise max_connections of the server, or the CONNECTION LIMIT of role or database, or see who holds them.',
    facts: { isCrowded: true },
  },
  {
    pattern: /the database system is (?:starting up|shutting down|in recovery mode|not yet accepting connections)/,
    permanent: false,
    hint: 'The server is starting or stopping.',
  },
  {
    pattern: /due to conflict with recovery/,
    permanent: false,
    hint: 'The source is a standby, which broke the dump off to follow its primary. Set hot_standby_feedback = on there, or raise max_standby_streaming_delay and max_standby_archive_delay beyond the time of a dump, or dump the primary.',
  },
  {
    pattern:
      /server closed the connection|terminating connection|connection to server was lost|could not receive data|SSL SYSCALL/,
    permanent: false,
    hint: 'The server or the network ended the connection; the log of the server says more.',
  },
  {
    pattern: /invalid memory alloc request size \d{10}$|Cannot enlarge string buffer/m,
    permanent: true,
    hint: tooLargeRow,
  },
  {
    // pg_dump bounds its wait for a lock by the statement's time.
    pattern: /lock timeout|could not obtain lock|canceling statement due to statement timeout/,
    permanent: false,
    hint: 'A table is locked, for instance by a migration; the dump is tried again.',
  },
  { pattern: /No space left on device/, permanent: false, hint: 'The disk of the database server is full.' },
];

/** Makes an error of a client program's last words. */
export function postgresError(message: string, stderr: string): PermanentError | RetryableError {
  const said = stderr.trim();
  const english = inEnglish(said);
  const reading = READINGS.find(({ pattern }) => pattern.test(english));
  const full = said === '' ? message : `${message}: ${said}`;
  if (reading === undefined) return new RetryableError(full, said === '' ? {} : { hint: UNKNOWN });
  const hint = typeof reading.hint === 'string' ? reading.hint : reading.hint(said);
  const options = { hint, facts: reading.facts ?? {} };
  return reading.permanent ? new PermanentError(full, options) : new RetryableError(full, options);
}

const UNKNOWN = "pgstow does not know this message, which is the program's own. It is tried again.";

/** The server writes a row of a COPY into one piece of memory, and takes no piece of more than 1 GB. */
function tooLargeRow(said: string): string {
  const [, table = 'TABLE'] = /^pg_dump: detail: Command was: COPY (.+?) \(/m.exec(said) ?? [];
  return `A row is too large for COPY, which takes up to 1 GB of text: a bytea of more than 512 MB is larger, and so is a text of 1 GB. Split the value or make it a large object, or leave out the rows of the table: POSTGRES_EXTRA_OPTS=${shellWord(`--exclude-table-data=${table}`)}.`;
}

function shellWord(text: string): string {
  return /["' ]/.test(text) ? `'${text}'` : text;
}

/** The facts of an error that `postgresError` made; `undefined` if it read nothing in the client's words. */
export function clientFactsOf(error: unknown): ClientFacts | undefined {
  return (error as { readonly facts?: ClientFacts }).facts;
}
