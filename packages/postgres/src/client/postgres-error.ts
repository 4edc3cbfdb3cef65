import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';

/** What a reading of the client's words says besides the hint. */
export type ClientFacts = {
  /** The hint names settings of ours, which say nothing of a server that a URL names. */
  readonly namesSettings?: boolean;
  /** The server may let the role into another database. */
  readonly isOfDatabase?: boolean;
};

type Reading = {
  readonly pattern: RegExp;
  readonly permanent: boolean;
  readonly hint: string;
  readonly facts?: ClientFacts;
};

/** Messages of the clients, in English as our environment asks for, and hints for them. */
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
    pattern: /no pg_hba\.conf entry/,
    permanent: true,
    hint: "The server's pg_hba.conf has no entry for this address with this user, database and TLS mode.",
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
    pattern: /Connection refused|No such file or directory|timeout expired|No route to host/,
    permanent: false,
    hint: 'Is the server running, and are POSTGRES_HOST and POSTGRES_PORT right?',
    facts: { namesSettings: true },
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
  const reading = READINGS.find(({ pattern }) => pattern.test(said));
  const full = said === '' ? message : `${message}: ${said}`;
  if (reading === undefined) return new RetryableError(full);
  const options = { hint: reading.hint, facts: reading.facts ?? {} };
  return reading.permanent ? new PermanentError(full, options) : new RetryableError(full, options);
}

/** The facts of an error that `postgresError` made; `undefined` if it read nothing in the client's words. */
export function clientFactsOf(error: unknown): ClientFacts | undefined {
  return (error as { readonly facts?: ClientFacts }).facts;
}
