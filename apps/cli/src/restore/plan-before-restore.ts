import { quoteIdentifier } from '@pgstow/postgres/client/sql-quote.ts';
import type { DumpedExtension } from '@pgstow/postgres/restore/missing-extensions.ts';
import { exitCodes, ExitError } from '../exit-codes.ts';
import { assertExtensionsFit } from './assert-extensions-fit.ts';
import type { RestoreContext } from './restore-context.ts';
import { createRole, sqlBeforeRestore } from './sql-before-restore.ts';
import { missingTablespaces, openTarget, readRoles } from './target-facts.ts';

/**
 * Plans the SQL to run before the dump.
 *
 * @param wanted roles that the dump names
 * @param tablespaces that it names
 * @param extensions that it makes
 * @throws ExitError if tablespaces or extensions are missing, or roles that may not be created
 */
export async function planBeforeRestore(
  context: RestoreContext,
  wanted: readonly string[],
  tablespaces: readonly string[],
  extensions: readonly DumpedExtension[],
): Promise<string> {
  const { target, clients, signal } = context;
  const { createRoles, force } = context.options;
  const { session, exists } = await openTarget(target, clients, signal);
  await using stack = new AsyncDisposableStack();
  stack.use(session);
  await assertExtensionsFit(context, { session, exists }, extensions);
  const lacking = await missingTablespaces(session, tablespaces);
  if (lacking.length > 0)
    throw new ExitError(
      exitCodes.refused,
      `tablespaces are missing on the target server: ${lacking.map((name) => JSON.stringify(name)).join(', ')}; nothing was touched`,
      `Create them first: ${lacking.map((name) => `CREATE TABLESPACE ${quoteIdentifier(name)} LOCATION '/a/folder/of/the/server';`).join(' ')} Or take a dump without them: POSTGRES_EXTRA_OPTS=--no-tablespaces.`,
    );
  const { missing, mayCreate, isSuperuser } = await readRoles(session, wanted);
  if (missing.length > 0 && (!createRoles || !mayCreate)) {
    const sql = missing.flatMap((role) => createRole(role, true)).join(' ');
    throw new ExitError(
      exitCodes.refused,
      `roles are missing on the target server: ${missing.map((role) => JSON.stringify(role)).join(', ')}; nothing was touched`,
      `${createRoles ? 'The role that restores may not create them. ' : ''}Create them first: ${sql}`,
    );
  }
  if (missing.length > 0) console.log(`roles to be created NOLOGIN: ${missing.join(', ')}`);
  return sqlBeforeRestore({ roles: missing, isSuperuser, isForced: exists && force === true });
}
