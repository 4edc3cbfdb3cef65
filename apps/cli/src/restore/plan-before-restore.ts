import { showGlobalsStatement, type GlobalsPlan } from '@pgstow/postgres/restore/globals-plan.ts';
import { extensionsOf } from '@pgstow/postgres/restore/missing-extensions.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { refusal } from '../exit-codes.ts';
import { warn } from '../format/warn.ts';
import { assertExtensionsFit } from './assert-extensions-fit.ts';
import { assertSuperusers } from './assert-superusers.ts';
import type { FoundGlobals } from './find-globals.ts';
import { planGlobalsThere } from './plan-globals.ts';
import type { RestoreContext } from './restore-context.ts';
import { createRoles, sqlBeforeRestore } from './sql-before-restore.ts';
import { openTarget, readRoles, usableTablespaces } from './target-facts.ts';
import { listNames, missingRoles, wantedRoles } from './wanted-roles.ts';

/** Work of a restore besides running the dump. */
export type BeforeRestore = {
  /** SQL to run before the dump. */
  readonly sql: string;
  /** Tablespaces of the target server that the restore may use. */
  readonly tablespaces: readonly string[];
  /** Whether settings, rights and owner of the database come back from a dump of globals. */
  readonly bringsSettings: boolean;
};

/**
 * Plans it, with warnings of what the target server lacks.
 *
 * @param named roles that the dump names
 * @param globals the newest dump of globals, if there is one
 * @throws ExitError if extensions are missing, roles are missing that may not be created, or are no superusers that must be
 */
export async function planBeforeRestore(
  context: RestoreContext,
  { needs, source, database }: Partial<Pick<Manifest, 'needs' | 'source'>> & Pick<Manifest, 'database'>,
  named: readonly string[],
  globals: FoundGlobals | undefined,
): Promise<BeforeRestore> {
  const { target, clients, signal } = context;
  const { createRoles: mayBeCreated, force } = context.options;
  await using there = await openTarget(target, clients, signal);
  const { session, exists } = there;
  const tablespaces = await usableTablespaces(session);
  // A dump that leaves things out may leave out what needs them.
  const isWhole = source?.limitedBy === undefined;
  const lacking = isWhole ? (needs?.tablespaces ?? []).filter((name) => !tablespaces.includes(name)) : [];
  await assertExtensionsFit(context, there, isWhole ? extensionsOf({ needs, source }) : []);
  if (lacking.length > 0) warn(`${warnOfTablespaces(lacking)}; CREATE TABLESPACE brings them back`);

  const wanted = wantedRoles(named, needs?.roles);
  const roles = await readRoles(
    session,
    wanted.map(({ name }) => name),
  );
  const brought =
    globals &&
    (await planGlobalsThere(session, globals, {
      source: database,
      target: target.database,
      isNew: !exists,
      named: wanted.map(({ name }) => name),
    }));
  const created = new Set(brought?.roles);
  const missing = missingRoles(named, needs?.roles, roles).filter(({ name }) => !created.has(name));
  const ofDump = wanted.filter(({ name }) => named.includes(name));
  const superusers = Object.fromEntries((brought?.superusers ?? []).map((name) => [name, true]));
  const afterwards = { ...roles, there: { ...roles.there, ...superusers } };
  assertSuperusers(ofDump, afterwards, { madeBySuperuser: needs?.madeBySuperuser ?? [], isWhole });
  if (missing.length > 0 && (!mayBeCreated || !roles.mayCreate)) {
    const wereSuperusers = new Set(missing.filter(({ isSuperuser }) => isSuperuser).map(({ name }) => name));
    throw refusal(
      `roles are missing on the target server: ${listNames(missing)}`,
      `${mayBeCreated ? 'The role that restores may not create them. ' : ''}Create them first: ${createRoles(missing, wereSuperusers).join(' ')}`,
    );
  }
  if (missing.length > 0) console.log(`roles to be created NOLOGIN: ${missing.map(({ name }) => name).join(', ')}`);
  if (globals !== undefined && brought !== undefined) sayWhatComesBack(globals.name, brought);
  const isForced = exists && force === true;
  const before = sqlBeforeRestore({ roles: missing, isSuperuser: roles.isSuperuser, isForced });
  return {
    sql: [...(brought?.statements ?? []), before].join('\n'),
    tablespaces,
    bringsSettings: brought !== undefined && roles.isSuperuser,
  };
}

function sayWhatComesBack(name: string, { statements, left }: GlobalsPlan): void {
  const show = (each: readonly string[]): string => each.map((sql) => `\n  ${showGlobalsStatement(sql)}`).join('');
  if (statements.length > 0) console.log(`brought back from ${name}, in the same transaction:${show(statements)}`);
  if (left.length > 0) warn(`${name} has more, for a superuser to run:${show(left)}`);
}

export function warnOfTablespaces(names: readonly string[]): string {
  return `the target server lacks tablespaces of the dump, or the role that restores may not use them: ${names.map((name) => JSON.stringify(name)).join(', ')}; what lies in them goes into the database's default tablespace`;
}
