import { inEnglish } from '../client/in-english.ts';

/** A statement of a dump that failed. */
export type FailedStatement = {
  /** Five characters. Source: https://www.postgresql.org/docs/current/errcodes-appendix.html */
  readonly sqlState: string;
  /** The server's words. */
  readonly message: string;
  /** The server's position, innermost first: functions, and the rows of a COPY. */
  readonly context: string | undefined;
  /** Object under whose heading the statement stands, as in `event trigger audit`. */
  readonly heading: string | undefined;
};

type Reading = {
  readonly states: RegExp;
  readonly pattern?: RegExp;
  readonly heading?: RegExp;
  readonly matches?: (failed: FailedStatement) => boolean;
  readonly hint: string;
};

/** SQL states say it in every language; words decide where one state stands for several faults. */
const READINGS: readonly Reading[] = [
  {
    states: /^42704$/,
    pattern: /role ".*" does not exist/s,
    hint: 'Create it with CREATE ROLE ... NOLOGIN, or take dumps with --no-owner --no-privileges.',
  },
  {
    states: /^42(?:704|601)$/,
    pattern: /unrecognized (?:configuration|subscription) parameter/,
    hint: "The dump was written by a newer pg_dump than this server's: restore it on a server of the source's major version or newer.",
  },
  {
    states: /./,
    pattern: /shared_preload_libraries|must be preloaded/,
    hint: 'Add the library to shared_preload_libraries in postgresql.conf of the target server, and restart it.',
  },
  {
    states: /^42501$/,
    matches: isOfExtension,
    hint: 'Restore as a role that may create it, or create it in the target first: CREATE EXTENSION.',
  },
  { states: /^(?:0A000|58P01)$/, matches: isOfExtension, hint: 'Install the extension on the target server.' },
  {
    states: /^08/,
    hint: 'Restoring it asks another server, by a foreign table or the like: let the target server reach that one, or take dumps without what is built from there.',
  },
  {
    states: /^42(?:P07|P06|710|723)$/,
    hint: 'The target is not empty, or an extension of the dump makes that as well.',
  },
  {
    states: /^23514$/,
    pattern: /violates partition constraint/,
    hint: 'Rows belong to other partitions on this server, which hashes or sorts their key otherwise. Take dumps with POSTGRES_EXTRA_OPTS=--load-via-partition-root.',
  },
  { states: /^53100$/, hint: 'The disk of the database server is full.' },
  {
    // 'could not extend file "base/5/16425": Disk quota exceeded' is XX000 on version 15.
    states: /./,
    pattern: /Disk quota exceeded/,
    hint: 'The disk quota of the database server is used up.',
  },
  {
    states: /^53200$/,
    hint: 'A restore locks all that it creates until it is done, some six locks for a table with its indexes: raise max_locks_per_transaction on the target server.',
  },
  {
    states: /^42(?:883|P01|704)$/,
    matches: isUnqualifiedInFunction,
    hint: 'A function looks for it by search_path, which a dump leaves empty. Restore with --search-path and the schemas that the function needs, as in --search-path public; restore tests do with VERIFY_SEARCH_PATH. From version 17 on, PostgreSQL runs functions of indexes and materialized views without it: there, ALTER FUNCTION … SET search_path at the source.',
  },
  {
    states: /^42501$/,
    heading: /^(?:event trigger|foreign data wrapper|publication|subscription) /,
    hint: 'Only a superuser may create and own it. Restore as one, and make its owner one until the restore is done: ALTER ROLE ... SUPERUSER.',
  },
  {
    states: /^42501$/,
    pattern: /row-level security policy/,
    hint: 'pg_dump switches row-level security off for a restore, and a policy binds the owner of what is built here. Let it pass until the restore is done: ALTER ROLE ... BYPASSRLS.',
  },
  {
    states: /^42501$/,
    heading: /^(?:materialized view data|index) /,
    hint: 'It is built with the rights of its owner. Give that role the rights that it had at the source by membership, or make it a superuser until the restore is done: ALTER ROLE ... SUPERUSER.',
  },
  {
    states: /^42501$/,
    hint: 'Restore as a superuser, or as a role that is a member of the roles that own things in the dump.',
  },
];

/** Finds out what a person can do about it. */
export function hintFor(statement: FailedStatement): string | undefined {
  const failed = { ...statement, message: inEnglish(`:  ${statement.message}`) };
  return READINGS.find(
    ({ states, pattern, heading, matches }) =>
      states.test(failed.sqlState) &&
      (pattern === undefined || pattern.test(failed.message)) &&
      (heading === undefined || heading.test(failed.heading ?? '')) &&
      (matches === undefined || matches(failed)),
  )?.hint;
}

function isOfExtension({ message, heading = '' }: FailedStatement): boolean {
  return heading.startsWith('extension ') || /extension (?:".*" is not|control file|")/s.test(message);
}

/** Whether a function did not find a name that it does not qualify. pg_dump itself qualifies all names. */
function isUnqualifiedInFunction({ message, context = '' }: FailedStatement): boolean {
  const isInFunction = context.split('\n').some((line) => line !== '' && !line.startsWith('COPY '));
  const name = /["«»„“”]\s*(.+?)\s*["«»“”]|(\S+)\(/.exec(message);
  return isInFunction && !(name?.[1] ?? name?.[2] ?? '').includes('.');
}
