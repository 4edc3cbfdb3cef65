/** Something that a statement of a dump of globals makes or changes. Names are without their quotes. */
export type GlobalsStatement = { readonly sql: string } & (
  | { readonly kind: 'create-role' | 'alter-role' | 'comment-on-role'; readonly role: string }
  | { readonly kind: 'role-setting'; readonly role: string; readonly name: string }
  | { readonly kind: 'membership'; readonly role: string; readonly member: string }
  | { readonly kind: 'create-tablespace'; readonly tablespace: string }
  | { readonly kind: 'tablespace'; readonly tablespace: string }
  | { readonly kind: 'create-database'; readonly database: string }
  | {
      readonly kind: 'database-setting';
      readonly database: string;
      readonly role: string | null;
      readonly name: string;
    }
  | { readonly kind: 'database-grant'; readonly database: string; readonly grantee: string | null }
  | { readonly kind: 'database-owner'; readonly database: string; readonly role: string }
  | { readonly kind: 'database'; readonly database: string }
  | { readonly kind: 'other' }
);

const NAME = String.raw`((?:"(?:[^"]|"")*"|[^\s";,]+)+)`;
const at = (pattern: string): RegExp => new RegExp(`^${pattern}`, 's');

const CREATE_ROLE = at(`CREATE ROLE ${NAME}$`);
const ALTER_ROLE = at(`ALTER ROLE ${NAME} WITH `);
const COMMENT_ON_ROLE = at(`COMMENT ON ROLE ${NAME} IS `);
const ROLE_SETTING = at(`ALTER ROLE ${NAME} SET ${NAME} (?:TO|=) `);
const ROLE_IN_DATABASE = at(`ALTER ROLE ${NAME} IN DATABASE ${NAME} SET ${NAME} (?:TO|=) `);
const MEMBERSHIP = at(`GRANT ${NAME} TO ${NAME}(?: WITH .*?)?(?: GRANTED BY .*)?$`);
const CREATE_TABLESPACE = at(`CREATE TABLESPACE ${NAME} `);
const TABLESPACE = at(`(?:ALTER|COMMENT ON) TABLESPACE ${NAME} |(?:GRANT|REVOKE) .* ON TABLESPACE ${NAME} `);
const CREATE_DATABASE = at(`CREATE DATABASE ${NAME} `);
const DATABASE_SETTING = at(`ALTER DATABASE ${NAME} SET ("(?:[^"]|"")*"(?:\\."(?:[^"]|"")*")*) TO `);
const DATABASE_OWNER = at(`ALTER DATABASE ${NAME} OWNER TO ${NAME}$`);
const DATABASE_GRANT = at(`GRANT [^"]* ON DATABASE ${NAME} TO ${NAME}(?: WITH GRANT OPTION)?$`);
const DATABASE = at(`(?:ALTER|COMMENT ON) DATABASE ${NAME} |REVOKE [^"]* ON DATABASE ${NAME} `);

/** Reads what a statement of pg_dumpall's, or one of ours, does. */
export function parseGlobalsStatement(sql: string): GlobalsStatement {
  const found = (pattern: RegExp): readonly string[] | undefined =>
    pattern
      .exec(sql)
      ?.slice(1)
      .filter((name) => name !== undefined)
      .map(unquote);
  const [role, name] = found(ROLE_SETTING) ?? [];
  if (role !== undefined && name !== undefined && role !== 'ALL') return { kind: 'role-setting', sql, role, name };
  const inDatabase = found(ROLE_IN_DATABASE);
  if (inDatabase !== undefined) {
    const [whose = '', database = '', name = ''] = inDatabase;
    return { kind: 'database-setting', sql, database, role: whose, name };
  }
  const membership = found(MEMBERSHIP);
  if (membership !== undefined) {
    const [role = '', member = ''] = membership;
    return { kind: 'membership', sql, role, member };
  }
  const setting = found(DATABASE_SETTING);
  if (setting !== undefined) {
    const [database = '', name = ''] = setting;
    return { kind: 'database-setting', sql, database, role: null, name };
  }
  const owner = found(DATABASE_OWNER);
  if (owner !== undefined) {
    const [database = '', role = ''] = owner;
    return { kind: 'database-owner', sql, database, role };
  }
  const grant = found(DATABASE_GRANT);
  if (grant !== undefined) {
    const [database = '', grantee = ''] = grant;
    return { kind: 'database-grant', sql, database, grantee: grantee === 'PUBLIC' ? null : grantee };
  }
  for (const [kind, pattern] of [
    ['create-role', CREATE_ROLE],
    ['alter-role', ALTER_ROLE],
    ['comment-on-role', COMMENT_ON_ROLE],
  ] as const) {
    const [role] = found(pattern) ?? [];
    if (role !== undefined) return { kind, sql, role };
  }
  const [created] = found(CREATE_DATABASE) ?? [];
  if (created !== undefined) return { kind: 'create-database', sql, database: created };
  const [database] = found(DATABASE) ?? [];
  if (database !== undefined) return { kind: 'database', sql, database };
  const [made] = found(CREATE_TABLESPACE) ?? [];
  if (made !== undefined) return { kind: 'create-tablespace', sql, tablespace: made };
  const [tablespace] = found(TABLESPACE) ?? [];
  if (tablespace !== undefined) return { kind: 'tablespace', sql, tablespace };
  return { kind: 'other', sql };
}

/** A name in quotes keeps its case; parts of a setting's name stand in quotes each. */
function unquote(name: string): string {
  return name.replaceAll(/"((?:[^"]|"")*)"/g, (_quoted, inner: string) => inner.replaceAll('""', '"'));
}
