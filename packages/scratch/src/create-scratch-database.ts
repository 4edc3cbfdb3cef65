import { quoteIdentifier } from '@pgstow/postgres/client/sql-quote.ts';
import { describeLocale, localeOptions, type DatabaseLocale } from '@pgstow/postgres/facts/database-locale.ts';

/**
 * Creates a database like its source. Where this machine lacks the source's locale, texts are sorted by their bytes.
 *
 * @returns what is not as at the source, in a sentence
 */
export async function createScratchDatabase(
  name: string,
  source: DatabaseLocale,
  query: (sql: string) => Promise<unknown>,
): Promise<string | undefined> {
  const create = (locale: DatabaseLocale): Promise<unknown> =>
    query(`create database ${quoteIdentifier(name)} template template0 ${localeOptions(locale)}`);
  const { encoding } = source;
  const candidates: readonly DatabaseLocale[] = [
    source,
    // Unlike C, it knows the capitals of all letters. ICU and the like sort by themselves, whatever libc has.
    ...(encoding === 'UTF8' ? [{ ...source, collate: 'C', ctype: 'C.UTF-8' }] : []),
    { encoding, collate: 'C', ctype: 'C' },
  ];
  for (const locale of candidates.slice(0, -1)) {
    try {
      await create(locale);
      return locale === source ? undefined : replaced(source, locale);
    } catch (error) {
      if (!/locale|ICU/.test(String(error))) throw error;
    }
  }
  const last = candidates[candidates.length - 1] ?? source;
  await create(last);
  return replaced(source, last);
}

function replaced(source: DatabaseLocale, made: DatabaseLocale): string {
  return `this machine has no locale ${describeLocale(source)}: the scratch server sorted by ${made.collate} and took letters as ${made.ctype}`;
}
