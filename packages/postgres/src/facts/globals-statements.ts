import { quoteIdentifier, quoteLiteral } from '../client/sql-quote.ts';
import { localeOptions } from './database-locale.ts';
import { isOwnDatabase } from './describe-globals.ts';
import type { GlobalDatabase, GlobalSetting, Rights, ServerGlobals } from './server-globals.ts';

/**
 * SQL for what `pg_dumpall --globals-only` leaves out: databases without what is in them, their rights and settings, and settings of
 * every role. It is what `pg_dump --create` would write.
 */
export function globalsStatements({ databases, settings }: ServerGlobals): readonly string[] {
  return [
    ...settings.filter(({ database, role }) => database === null && role === null).map(settingStatement),
    ...databases.flatMap((database) => [
      ...databaseStatements(database),
      ...settings.filter((setting) => setting.database === database.name).map(settingStatement),
      ...closingStatements(database),
    ]),
  ];
}

function databaseStatements(database: GlobalDatabase): readonly string[] {
  const { owner, tablespace, connectionLimit, comment, rights, hasDefaultRights } = database;
  const { localeProvider, locale, icuRules, ...rest } = database;
  const name = quoteIdentifier(database.name);
  const options = localeOptions({
    ...rest,
    ...(localeProvider === null ? {} : { localeProvider }),
    ...(locale === null ? {} : { locale }),
    ...(icuRules === null ? {} : { icuRules }),
  });
  return [
    ...(isOwnDatabase(database.name) ? [] : [`CREATE DATABASE ${name} TEMPLATE template0 ${options};`]),
    `ALTER DATABASE ${name} OWNER TO ${quoteIdentifier(owner)};`,
    // It fails by itself where the server lacks the tablespace, and the database is there all the same.
    ...(tablespace === 'pg_default' ? [] : [`ALTER DATABASE ${name} SET TABLESPACE ${quoteIdentifier(tablespace)};`]),
    ...(connectionLimit === -1 ? [] : [`ALTER DATABASE ${name} CONNECTION LIMIT ${connectionLimit};`]),
    ...(comment === null ? [] : [`COMMENT ON DATABASE ${name} IS ${quoteLiteral(comment)};`]),
    ...(hasDefaultRights ? [] : rightsStatements(`DATABASE ${name}`, owner, rights)),
  ];
}

/** After these, a person cannot restore into the database. */
function closingStatements({ name, isTemplate, allowsConnections }: GlobalDatabase): readonly string[] {
  return [
    ...(isTemplate && !isOwnDatabase(name) ? [`ALTER DATABASE ${quoteIdentifier(name)} IS_TEMPLATE true;`] : []),
    ...(allowsConnections ? [] : [`ALTER DATABASE ${quoteIdentifier(name)} ALLOW_CONNECTIONS false;`]),
  ];
}

function rightsStatements(subject: string, owner: string, rights: Rights): readonly string[] {
  const byGrantee = Map.groupBy(rights, ({ grantee, isGrantable }) => JSON.stringify([grantee, isGrantable]));
  return [
    `REVOKE ALL ON ${subject} FROM PUBLIC;`,
    `REVOKE ALL ON ${subject} FROM ${quoteIdentifier(owner)};`,
    ...[...byGrantee.values()].map((theirs) => {
      const [{ grantee, isGrantable } = { grantee: null, isGrantable: false }] = theirs;
      const whom = grantee === null ? 'PUBLIC' : quoteIdentifier(grantee);
      const option = isGrantable ? ' WITH GRANT OPTION' : '';
      return `GRANT ${theirs.map(({ privilege }) => privilege).join(', ')} ON ${subject} TO ${whom}${option};`;
    }),
  ];
}

/** SQL that gives a role, a database or both a setting. */
export function settingStatement({ database, role, name, value }: GlobalSetting): string {
  const whose =
    role === null && database !== null
      ? `DATABASE ${quoteIdentifier(database)}`
      : `ROLE ${role === null ? 'ALL' : quoteIdentifier(role)}${database === null ? '' : ` IN DATABASE ${quoteIdentifier(database)}`}`;
  return `ALTER ${whose} SET ${name.split('.').map(quoteIdentifier).join('.')} TO ${valueOf(name, value)};`;
}

/**
 * Settings that the server keeps as a list of names in double quotes: each name becomes a text of its own.
 * Source: variable_is_guc_list_quote in src/bin/pg_dump/dumputils.c
 */
const LISTS = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

function valueOf(name: string, value: string): string {
  if (!LISTS.has(name.toLowerCase()) || value === '') return quoteLiteral(value).trim();
  const items = value.match(/"(?:[^"]|"")*"|[^\s,"]+/g) ?? [];
  return items
    .map((item) => quoteLiteral(item.startsWith('"') ? item.slice(1, -1).replaceAll('""', '"') : item).trim())
    .join(', ');
}
