import type { DumpNeeds } from '@pgstow/shared/contract/dump-needs.ts';
import { quoteIdentifier, quoteLiteral } from '../client/sql-quote.ts';

/**
 * Settings of the session. Time limits of a role or a database must not end it. A server that can looks every two seconds
 * whether its client is still there; otherwise it would finish an index of an hour, and hold its locks. A superuser gets its
 * errors in English. If a server refuses a setting, the restore goes on.
 */
export const SESSION = String.raw`\set ON_ERROR_STOP off
SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout');
SELECT pg_catalog.set_config(name, '2s', false) FROM pg_catalog.pg_settings WHERE name = 'client_connection_check_interval';
SELECT pg_catalog.set_config('lc_messages', 'C', false) WHERE pg_catalog.current_setting('is_superuser') = 'on';`;

/**
 * Settings that would stop a restore or change what it does, that pg_dump sets itself, or that a session cannot take on.
 * `default_transaction_read_only`, for one, is set on databases that are to be left alone.
 */
const NOT_FOR_RESTORE =
  /^(?:default_transaction_|transaction_|idle_|lock_timeout$|statement_timeout$|search_path$|client_encoding$|row_security$|role$|session_authorization$|session_replication_role$|default_tablespace$|temp_tablespaces$|quote_all_identifiers$|.*preload_libraries$|dynamic_library_path$|event_triggers$|lc_messages$|client_min_messages$|debug_|array_nulls$|transform_null_equals$|exit_on_error$|zero_damaged_pages$|ignore_)/;

/**
 * SQL that gives a session what a dump's functions, defaults and texts of money may lean on. A statement that the server refuses
 * changes nothing.
 */
export function sessionSettings(needs: DumpNeeds | undefined): readonly string[] {
  if (needs === undefined) return [];
  const ofAll = needs.settings.filter(({ name, role }) => role === undefined && !NOT_FOR_RESTORE.test(name));
  return [{ name: 'lc_monetary', value: needs.monetaryLocale }, ...ofAll].map(
    ({ name, value }) => `SELECT pg_catalog.set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, false);`,
  );
}

/**
 * SQL that fails if the session reads money otherwise than the source wrote it: `1.234,50 €` would be 1.23, and nobody would know.
 *
 * @returns nothing for a source without money, or one that did not say how it writes it
 */
export function assertMoney({ money, monetaryLocale }: DumpNeeds): readonly string[] {
  // Some bytes of a database without an encoding are no text.
  if (money === undefined || money.written.includes('\uFFFD')) return [];
  const [written, amount] = [quoteLiteral(money.written), quoteLiteral(money.amount)];
  const says = quoteLiteral(
    `the server does not read money as the source writes it, as in ${money.written} (lc_monetary)`,
  );
  const hint = quoteLiteral(`Install the locale of the source on this server: ${monetaryLocale}.`);
  return [
    `DO $pgstow$
BEGIN
  BEGIN
    IF ${written}::pg_catalog.text::pg_catalog.money::pg_catalog.numeric = ${amount}::pg_catalog.numeric THEN
      RETURN;
    END IF;
  EXCEPTION WHEN invalid_text_representation OR numeric_value_out_of_range THEN
    NULL;
  END;
  RAISE EXCEPTION USING MESSAGE = ${says}, HINT = ${hint};
END
$pgstow$;`,
  ];
}

/**
 * SQL that gives a restored database the settings that its source had, and its owner, for a person to run.
 *
 * @param creator role that has created the database, if a restore has
 */
export function settingsStatements(
  { settings, owner }: DumpNeeds,
  database: string,
  creator?: string,
): readonly string[] {
  const name = quoteIdentifier(database);
  const isOther = creator !== undefined && owner !== undefined && owner !== creator;
  return [
    ...settings.map((setting) => {
      const whose = setting.role === undefined ? '' : `ROLE ${quoteIdentifier(setting.role)} IN `;
      return `ALTER ${whose}DATABASE ${name} SET ${setting.name.split('.').map(quoteIdentifier).join('.')} = ${valueOf(setting)};`;
    }),
    ...(isOther ? [`ALTER DATABASE ${name} OWNER TO ${quoteIdentifier(owner)};`] : []),
  ];
}

/** Settings that are lists stand without quotes, or the server takes the list for one item. */
const LISTS = new Set([
  'search_path',
  'temp_tablespaces',
  'session_preload_libraries',
  'local_preload_libraries',
  'DateStyle',
]);

function valueOf({ name, value }: { readonly name: string; readonly value: string }): string {
  return LISTS.has(name) && value !== '' ? value : quoteLiteral(value).trim();
}
