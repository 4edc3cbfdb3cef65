import { quoteIdentifier } from '../client/sql-quote.ts';
import type { GlobalDatabase, GlobalSetting, Rights, ServerGlobals } from './server-globals.ts';

/** Databases that each server has. Their encoding and locale are those of their own cluster. */
const OWN_DATABASES: ReadonlySet<string> = new Set(['postgres', 'template1']);

export function isOwnDatabase(name: string): boolean {
  return OWN_DATABASES.has(name);
}

/** The fact that names the superuser that initdb made. */
export const BOOTSTRAP = 'superuser that initdb made';

/** Describes globals, a sentence for each thing, so that two servers can be compared. */
export function describeGlobals(globals: ServerGlobals): Record<string, string> {
  const { bootstrap, roles, memberships, settings, tablespaces, databases, parameters } = globals;
  return Object.fromEntries([
    [BOOTSTRAP, bootstrap],
    ...roles.flatMap(({ name, attributes, connectionLimit, validUntil, comment }) => [
      fact(`role ${quoteIdentifier(name)}`, [
        ...attributes,
        ...(connectionLimit === -1 ? [] : [`CONNECTION LIMIT ${connectionLimit}`]),
        ...(validUntil === null ? [] : [`VALID UNTIL ${validUntil}`]),
      ]),
      ...commentOn(`role ${quoteIdentifier(name)}`, comment),
    ]),
    ...memberships.map(({ role, member, options }) =>
      fact(`membership of role ${quoteIdentifier(member)} in ${quoteIdentifier(role)}`, options),
    ),
    ...settings.map((setting) => [`setting ${setting.name} of ${describeScope(setting)}`, setting.value] as const),
    ...tablespaces.flatMap(({ name, owner, options, rights, comment }) => {
      const subject = `tablespace ${quoteIdentifier(name)}`;
      return [
        fact(subject, [`owner ${quoteIdentifier(owner)}`, ...options]),
        rightsOn(subject, rights),
        ...commentOn(subject, comment),
      ];
    }),
    ...databases.flatMap(describeDatabase),
    ...parameters.map(({ name, rights }) => rightsOn(`parameter ${name}`, rights)),
  ]);
}

function describeDatabase(database: GlobalDatabase): readonly (readonly [string, string])[] {
  const { name, owner, connectionLimit, isTemplate, allowsConnections, rights, comment, tablespace } = database;
  const subject = `database ${quoteIdentifier(name)}`;
  const { encoding, collate, ctype, localeProvider, locale, icuRules } = database;
  return [
    fact(subject, [
      `owner ${quoteIdentifier(owner)}`,
      ...(connectionLimit === -1 ? [] : [`CONNECTION LIMIT ${connectionLimit}`]),
      ...(isTemplate ? ['a template'] : []),
      ...(allowsConnections ? [] : ['without connections']),
    ]),
    ...(isOwnDatabase(name)
      ? []
      : [
          fact(`locale of ${subject}`, [
            encoding,
            collate,
            ctype,
            ...[localeProvider, locale, icuRules].filter((each) => each !== null),
          ]),
        ]),
    ...(tablespace === 'pg_default' ? [] : [fact(`tablespace of ${subject}`, [quoteIdentifier(tablespace)])]),
    rightsOn(subject, rights),
    ...commentOn(subject, comment),
  ];
}

export function describeScope({ database, role }: Pick<GlobalSetting, 'database' | 'role'>): string {
  const ofRole = role === null ? 'every role' : `role ${quoteIdentifier(role)}`;
  return database === null ? ofRole : `${ofRole} in database ${quoteIdentifier(database)}`;
}

function rightsOn(subject: string, rights: Rights): readonly [string, string] {
  return fact(
    `rights on ${subject}`,
    rights.map(
      ({ grantee, privilege, isGrantable }) =>
        `${grantee === null ? 'PUBLIC' : quoteIdentifier(grantee)}: ${privilege}${isGrantable ? ' WITH GRANT OPTION' : ''}`,
    ),
  );
}

function commentOn(subject: string, comment: string | null): readonly (readonly [string, string])[] {
  return comment === null ? [] : [[`comment on ${subject}`, comment]];
}

function fact(subject: string, words: readonly string[]): readonly [string, string] {
  return [subject, words.length === 0 ? 'nothing else' : words.join(', ')];
}
