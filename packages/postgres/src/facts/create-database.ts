import { StatementError } from '../client/psql-session.ts';
import { quoteIdentifier } from '../client/sql-quote.ts';
import { describeLocale, localeOptions, type DatabaseLocale } from './database-locale.ts';

/**
 * SQL states of a refused locale. Wrong object type: an invalid name. Invalid parameter: a name that does not fit the encoding.
 * Syntax error: a server before version 15, which knows no provider. Feature not supported: a server without ICU.
 */
const LOCALE_FAULTS = new Set(['42809', '22023', '42601', '0A000']);

/**
 * Creates an empty database with the encoding and the locale of its source, where they are known. Where the server lacks that
 * locale, texts are sorted by their bytes, and nothing is lost.
 *
 * @param run runs a statement outside of a transaction
 * @returns what the server lacks and has instead, to follow "it has"
 * @throws as `run` does
 */
export async function createDatabase(
  name: string,
  source: DatabaseLocale | undefined,
  run: (sql: string) => Promise<unknown>,
): Promise<string | undefined> {
  const create = `create database ${quoteIdentifier(name)} template template0`;
  if (source === undefined) {
    await run(create);
    return undefined;
  }
  const { encoding, collate, ctype, localeProvider } = source;
  const same = [source, ...(localeProvider === 'libc' ? [{ encoding, collate, ctype }] : [])];
  const others: readonly DatabaseLocale[] = [
    // C.UTF-8 knows the capitals of all letters, C does not. Other providers than libc sort without it.
    ...(encoding === 'UTF8' ? [{ ...source, collate: 'C', ctype: 'C.UTF-8' }] : []),
    { encoding, collate: 'C', ctype: 'C' },
  ];
  let fault: unknown;
  for (const locale of [...same, ...others]) {
    try {
      await run(`${create} ${localeOptions(locale)}`);
      return same.includes(locale)
        ? undefined
        : `no locale ${describeLocale(source)}: the new database sorts by ${locale.collate} and takes letters as ${locale.ctype}`;
    } catch (error) {
      if (!isLocaleFault(error)) throw error;
      fault = error;
    }
  }
  throw fault;
}

function isLocaleFault(error: unknown): boolean {
  return (error instanceof StatementError && LOCALE_FAULTS.has(error.sqlState)) || /locale|ICU/.test(String(error));
}
