import { quoteIdentifier, quoteLiteral } from './sql-quote.ts';

type Locale = { readonly encoding: string; readonly collate: string; readonly ctype: string };

/**
 * Creates a database like its source. Where this machine lacks the source's locale, texts are sorted by their bytes.
 *
 * @returns what is not as at the source, in a sentence
 */
export async function createScratchDatabase(
  name: string,
  source: Locale,
  query: (sql: string) => Promise<unknown>,
): Promise<string | undefined> {
  const create = ({ encoding, collate, ctype }: Locale): Promise<unknown> =>
    query(
      `create database ${quoteIdentifier(name)} template template0 encoding ${quoteLiteral(encoding)} lc_collate ${quoteLiteral(collate)} lc_ctype ${quoteLiteral(ctype)}`,
    );
  const { encoding } = source;
  const candidates: readonly Locale[] = [
    source,
    // Unlike C, it knows the capitals of all letters.
    ...(encoding === 'UTF8' ? [{ encoding, collate: 'C', ctype: 'C.UTF-8' }] : []),
    { encoding, collate: 'C', ctype: 'C' },
  ];
  for (const locale of candidates.slice(0, -1)) {
    try {
      await create(locale);
      return locale === source ? undefined : replaced(source, locale);
    } catch (error) {
      if (!/locale/.test(String(error))) throw error;
    }
  }
  const last = candidates[candidates.length - 1] ?? source;
  await create(last);
  return replaced(source, last);
}

function replaced({ collate, ctype }: Locale, made: Locale): string {
  const wanted = collate === ctype ? collate : `${collate} and ${ctype}`;
  return `this machine has no locale ${wanted}: the scratch server sorted by ${made.collate} and took letters as ${made.ctype}`;
}
