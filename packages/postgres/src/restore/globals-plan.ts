import { quoteIdentifier, quoteLiteral } from '../client/sql-quote.ts';
import type { GlobalsStatement } from './parse-globals.ts';

/** Facts of the server that a database is restored to. */
export type GlobalsThere = {
  readonly roles: ReadonlySet<string>;
  /** Members of each role. */
  readonly members: ReadonlyMap<string, ReadonlySet<string>>;
  /** Settings that the target database has, as `settingKey` writes them. */
  readonly settings: ReadonlySet<string>;
  readonly mayCreateRoles: boolean;
  readonly isSuperuser: boolean;
};

export type GlobalsPlanOptions = {
  /** Statements of a dump of globals, in its order. */
  readonly statements: readonly GlobalsStatement[];
  /** The database that is restored, as it was called at the source. */
  readonly source: string;
  /** Its name now. */
  readonly target: string;
  /** Whether the restore creates it: then it has no rights and settings yet that could be lowered. */
  readonly isNew: boolean;
  /** Roles that the dump of the database names. */
  readonly named: readonly string[];
  readonly there: GlobalsThere;
};

export type GlobalsPlan = {
  /** In the order in which they run. */
  readonly statements: readonly string[];
  /** Roles that they create. */
  readonly roles: readonly string[];
  /** Those of them that become superusers. */
  readonly superusers: readonly string[];
  /** Statements that a superuser may run, and the role that restores may not. */
  readonly left: readonly string[];
};

export function settingKey(role: string | null, name: string): string {
  return JSON.stringify([role, name.toLowerCase()]);
}

/**
 * Chooses what a restore brings back from a dump of globals: of the roles that the database needs, and of the database, what is
 * missing. A role that is there keeps its attributes, its password and its settings; of a database that is there, nothing is revoked.
 */
export function planGlobals(options: GlobalsPlanOptions): GlobalsPlan {
  const { statements, there } = options;
  const made = new Set(statements.flatMap((each) => (each.kind === 'create-role' ? [each.role] : [])));
  const needed = neededRoles(options);
  const roles = there.mayCreateRoles
    ? [...made].filter((role) => needed.has(role) && !there.roles.has(role) && !role.startsWith('pg_'))
    : [];
  const created = new Set(roles);
  const exists = (role: string): boolean => created.has(role) || there.roles.has(role);
  const ofRoles = statements.flatMap((each): readonly string[] => {
    if (!('role' in each) || each.role === null || !created.has(each.role)) return [];
    if (each.kind === 'create-role')
      return [each.sql, ...(there.isSuperuser ? [] : [`GRANT ${quoteIdentifier(each.role)} TO CURRENT_USER`])];
    if (each.kind === 'alter-role') return [there.isSuperuser ? each.sql : withoutSuperpowers(each.sql)];
    return each.kind === 'comment-on-role' ? [each.sql] : [];
  });
  const superusers = statements.flatMap((each) =>
    each.kind === 'alter-role' && created.has(each.role) && / SUPERUSER\b/.test(each.sql) ? [each.role] : [],
  );
  const more = statements.flatMap((each) => planFurther(each, options, { needed, created, exists }));
  return {
    statements: [...ofRoles, ...(there.isSuperuser ? more : [])].map(end),
    roles,
    superusers: there.isSuperuser ? superusers : [],
    left: (there.isSuperuser ? [] : more).map(end),
  };
}

type Roles = {
  readonly needed: ReadonlySet<string>;
  readonly created: ReadonlySet<string>;
  readonly exists: (role: string) => boolean;
};

/** Memberships, settings and rights, which need a superuser. */
function planFurther(
  statement: GlobalsStatement,
  { source, target, isNew, there }: GlobalsPlanOptions,
  { needed, created, exists }: Roles,
): readonly string[] {
  if (statement.kind === 'membership') {
    const { role, member, sql } = statement;
    const isMissing = exists(role) && exists(member) && there.members.get(role)?.has(member) !== true;
    // The grantor is another server's.
    return isMissing && needed.has(member) ? [sql.replace(/ GRANTED BY .*$/s, '')] : [];
  }
  if (statement.kind === 'role-setting') return created.has(statement.role) ? [leniently(statement.sql)] : [];
  if (!('database' in statement) || statement.database !== source) return [];
  const renamed = rename(statement.sql, source, target);
  if (statement.kind === 'database-setting') {
    const isMissing = isNew || !there.settings.has(settingKey(statement.role, statement.name));
    return isMissing && (statement.role === null || exists(statement.role)) ? [leniently(renamed)] : [];
  }
  if (statement.kind === 'database-grant')
    return statement.grantee === null || exists(statement.grantee) ? [renamed] : [];
  if (!isNew) return [];
  if (statement.kind === 'database-owner') return exists(statement.role) ? [renamed] : [];
  const mayComeBack = /^(?:REVOKE |COMMENT )|^ALTER DATABASE .* CONNECTION LIMIT \d+$/s.test(statement.sql);
  return statement.kind === 'database' && mayComeBack ? [renamed] : [];
}

/** Roles that the dump names, that own the database or hold rights on it, and all that are members of one another with these. */
function neededRoles({ statements, source, named }: GlobalsPlanOptions): ReadonlySet<string> {
  const needed = new Set(named);
  for (const each of statements) {
    if (!('database' in each) || each.database !== source) continue;
    if (each.kind === 'database-owner') needed.add(each.role);
    if (each.kind === 'database-grant' && each.grantee !== null) needed.add(each.grantee);
    if (each.kind === 'database-setting' && each.role !== null) needed.add(each.role);
  }
  const memberships = statements.flatMap((each) => (each.kind === 'membership' ? [each] : []));
  // Each pass adds a generation. A group that the server made itself leads to everybody.
  for (let before = -1; before !== needed.size;) {
    before = needed.size;
    for (const { role, member } of memberships) {
      if (needed.has(member)) needed.add(role);
      if (needed.has(role) && !role.startsWith('pg_')) needed.add(member);
    }
  }
  return needed;
}

/** A role that is no superuser may not even name these. */
function withoutSuperpowers(sql: string): string {
  return sql.replace(/ (?:NO)?(?:SUPERUSER|REPLICATION|BYPASSRLS)(?= |$)/g, '');
}

/** Our own statements on databases quote their names, and begin with what comes before the name. */
function rename(sql: string, source: string, target: string): string {
  return sql.replace(`DATABASE ${quoteIdentifier(source)}`, () => `DATABASE ${quoteIdentifier(target)}`);
}

/** A setting that the server does not know, or a locale that it lacks, is a warning. */
function leniently(sql: string): string {
  return `DO $pgstow$ BEGIN EXECUTE ${quoteLiteral(sql).trim()}; EXCEPTION WHEN OTHERS THEN RAISE WARNING '%', SQLERRM; END $pgstow$`;
}

function end(sql: string): string {
  return `${sql};`;
}

/** A statement as people may see it: without a password, and without what lets it fail. */
export function showGlobalsStatement(sql: string): string {
  const executed = /^DO \$pgstow\$ BEGIN EXECUTE ('(?:[^']|'')*'|E'(?:[^'\\]|\\.|'')*'); EXCEPTION/s.exec(sql)?.[1];
  const shown = executed === undefined ? sql : `${unquote(executed)};`;
  return shown.replace(/ PASSWORD (?:[eE])?'(?:[^']|'')*'/, " PASSWORD '…'");
}

function unquote(literal: string): string {
  const inner = literal.replace(/^E?'/, '').slice(0, -1).replaceAll("''", "'");
  return literal.startsWith('E') ? inner.replaceAll('\\\\', '\\') : inner;
}
