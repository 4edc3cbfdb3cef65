import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { splitSql, type SqlPiece } from '../client/split-sql.ts';

/** A query of a person's own that a restored database must answer as wanted. */
export type OwnCheck = {
  readonly name: string;
  /** One query, without its semicolon. */
  readonly sql: string;
  /** Databases that it is for; `undefined` for every one. */
  readonly databases: readonly string[] | undefined;
  /** Text of the one value, as psql prints it, or `no rows`. */
  readonly returns: string;
  readonly timeoutMs: number;
};

/** A file of checks is not as it should be. The message says where. */
export class OwnChecksError extends PermanentError {
  override readonly name = 'OwnChecksError';
}

const KEY = /^--\s*(check|database|returns|timeout)\s*:\s*(.*?)\s*$/i;
const LONGEST_NAME = 80;
const TIMEOUT_S = 300;

/**
 * Reads a file of SQL: queries that end with a semicolon, each with comments that say more of it, before it or behind its
 * semicolon.
 *
 * - `-- check: NAME`; without it, the query itself is the name
 * - `-- database: NAME, NAME`; without it, the query is for every database
 * - `-- returns: VALUE`, or `no rows`; without it, `true`
 * - `-- timeout: SECONDS`; without it, 300
 *
 * @throws OwnChecksError
 */
export function parseOwnChecks(text: string): readonly OwnCheck[] {
  const checks = splitSql(text, (fault) => new OwnChecksError(fault)).map(toCheck);
  for (const [index, { name }] of checks.entries()) {
    if (checks.findIndex((each) => each.name === name) !== index)
      throw new OwnChecksError(`two checks have the name ${JSON.stringify(name)}`);
  }
  if (checks.length === 0) throw new OwnChecksError('it holds no query');
  return checks;
}

function toCheck({ sql, comments, line }: SqlPiece): OwnCheck {
  const values = new Map<string, string>();
  for (const comment of comments) {
    const [, key = '', value = ''] = KEY.exec(comment) ?? [];
    if (key === '') continue;
    const fault = `line ${line}: ${key.toLowerCase()}`;
    if (value === '') throw new OwnChecksError(`${fault} has no value`);
    if (values.has(key.toLowerCase())) throw new OwnChecksError(`${fault} is said twice of one query`);
    values.set(key.toLowerCase(), value);
  }
  const timeout = values.get('timeout');
  if (timeout !== undefined && !/^[1-9]\d{0,5}$/.test(timeout))
    throw new OwnChecksError(`line ${line}: expected a timeout in seconds, as a whole number, got ${timeout}`);
  const oneLine = sql.replaceAll(/\s+/g, ' ');
  return {
    name: values.get('check') ?? (oneLine.length > LONGEST_NAME ? `${oneLine.slice(0, LONGEST_NAME)}…` : oneLine),
    sql,
    databases: values.get('database')?.split(/\s*,\s*/),
    returns: values.get('returns') ?? 'true',
    timeoutMs: Number(timeout ?? TIMEOUT_S) * 1000,
  };
}
