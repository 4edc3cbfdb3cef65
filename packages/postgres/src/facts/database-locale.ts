import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import { quoteLiteral } from '../client/sql-quote.ts';

/** Encoding and sort order of a database, which its creation fixes. */
export type DatabaseLocale = Pick<
  DatabaseFacts,
  'encoding' | 'collate' | 'ctype' | 'localeProvider' | 'locale' | 'icuRules'
>;

/**
 * Formats a locale as options of CREATE DATABASE.
 * Source: https://www.postgresql.org/docs/current/sql-createdatabase.html
 */
export function localeOptions({ encoding, collate, ctype, localeProvider, locale, icuRules }: DatabaseLocale): string {
  return [
    `encoding ${quoteLiteral(encoding)} lc_collate ${quoteLiteral(collate)} lc_ctype ${quoteLiteral(ctype)}`,
    ...(localeProvider === undefined ? [] : [`locale_provider ${localeProvider}`]),
    ...(localeProvider === undefined || locale === undefined
      ? []
      : [`${localeProvider}_locale ${quoteLiteral(locale)}`]),
    ...(icuRules === undefined ? [] : [`icu_rules ${quoteLiteral(icuRules)}`]),
  ].join(' ');
}

/** Describes a locale for people. */
export function describeLocale({ collate, ctype, localeProvider, locale }: DatabaseLocale): string {
  const ofLibc = collate === ctype ? collate : `${collate} and ${ctype}`;
  return localeProvider === undefined || localeProvider === 'libc'
    ? ofLibc
    : `${locale} of ${localeProvider} with ${ofLibc}`;
}
