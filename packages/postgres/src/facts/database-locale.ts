import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import { quoteLiteral } from '../client/sql-quote.ts';

/** How a database encodes and sorts texts, which is settled when it is created. */
export type DatabaseLocale = Pick<
  DatabaseFacts,
  'encoding' | 'collate' | 'ctype' | 'localeProvider' | 'locale' | 'icuRules'
>;

/**
 * The options of CREATE DATABASE that give a new one this locale.
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

/** For people. */
export function describeLocale({ collate, ctype, localeProvider, locale }: DatabaseLocale): string {
  const ofLibc = collate === ctype ? collate : `${collate} and ${ctype}`;
  return localeProvider === undefined || localeProvider === 'libc'
    ? ofLibc
    : `${locale} of ${localeProvider} with ${ofLibc}`;
}
