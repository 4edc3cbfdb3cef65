import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { splitSql } from '../client/split-sql.ts';
import { readDumpFile, type DumpFile } from '../proof/dump-file.ts';

/** Far more than the globals of a server take. */
const LONGEST = 512 * 1024 ** 2;
const QUOTED = /[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"/gs;

/**
 * Reads the statements of a dump of globals, whose proof is known, in their order.
 *
 * @throws PermanentError if something else than SQL is in it; RetryableError if it does not decompress
 */
export async function readGlobals(file: DumpFile): Promise<readonly string[]> {
  const packed = await buffer(readDumpFile(file));
  const text = await promisify(gunzip)(packed, { maxOutputLength: LONGEST }).catch((cause: unknown) => {
    throw new RetryableError(`the gzip does not decompress whole: ${(cause as Error).message}`, { cause });
  });
  return splitGlobals(text.toString());
}

/** The same for its text. */
export function splitGlobals(text: string): readonly string[] {
  // The key is random: no comment on a role holds it.
  const key = /^\\restrict (\w+)$/m.exec(text)?.[1];
  const sql = key === undefined ? text : text.replaceAll(new RegExp(`^\\\\(?:un)?restrict ${key}$`, 'gm'), '');
  const statements = splitSql(sql, (message) => new PermanentError(`the dump of globals is no SQL: ${message}`));
  for (const statement of statements) assertNoCommand(statement.sql);
  return statements.map((statement) => statement.sql);
}

/** psql would run a command, or put the value of a variable in its place. */
function assertNoCommand(sql: string): void {
  if (!/[\\`:]/.test(sql.replaceAll(QUOTED, ''))) return;
  throw new PermanentError('the dump of globals holds a command for psql, and pg_dumpall writes none there', {
    hint: 'It would run commands on this machine: find out where this dump comes from.',
  });
}
