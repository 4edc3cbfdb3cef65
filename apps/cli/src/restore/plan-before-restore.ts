import { extensionsOf } from '@pgstow/postgres/restore/missing-extensions.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { refusal } from '../exit-codes.ts';
import { warn } from '../format/warn.ts';
import { assertExtensionsFit } from './assert-extensions-fit.ts';
import { assertSuperusers } from './assert-superusers.ts';
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
};

/**
 * Plans it, with warnings of what the target server lacks.
 *
 * @param named roles that the dump names
 * @throws ExitError if extensions are missing, roles are missing that may not be created, or are no superusers that must be
 */
export async function planBeforeRestore(
  context: RestoreContext,
  { needs, source }: Pick<Manifest, 'needs' | 'source'>,
  named: readonly string[],
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
  const missing = missingRoles(named, needs?.roles, roles);
  const ofDump = wanted.filter(({ name }) => named.includes(name));
  assertSuperusers(ofDump, roles, { madeBySuperuser: needs?.madeBySuperuser ?? [], isWhole });
  if (missing.length > 0 && (!mayBeCreated || !roles.mayCreate)) {
    const wereSuperusers = new Set(missing.filter(({ isSuperuser }) => isSuperuser).map(({ name }) => name));
    throw refusal(
      `roles are missing on the target server: ${listNames(missing)}`,
      `${mayBeCreated ? 'The role that restores may not create them. ' : ''}Create them first: ${createRoles(missing, wereSuperusers).join(' ')}`,
    );
  }
  if (missing.length > 0) console.log(`roles to be created NOLOGIN: ${missing.map(({ name }) => name).join(', ')}`);
  const isForced = exists && force === true;
  return { sql: sqlBeforeRestore({ roles: missing, isSuperuser: roles.isSuperuser, isForced }), tablespaces };
}

export function warnOfTablespaces(names: readonly string[]): string {
  return `the target server lacks tablespaces of the dump, or the role that restores may not use them: ${names.map((name) => JSON.stringify(name)).join(', ')}; what lies in them goes into the database's default tablespace`;
}
