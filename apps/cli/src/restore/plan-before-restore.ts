import { exitCodes, ExitError } from '../exit-codes.ts';
import type { RestoreContext } from './restore-context.ts';
import { createRole, sqlBeforeRestore } from './sql-before-restore.ts';
import { openTarget, readRoles } from './target-facts.ts';

/**
 * Plans the SQL to run before the dump.
 *
 * @param wanted roles that the dump names
 * @throws ExitError if roles are missing and may not be created
 */
export async function planBeforeRestore(
  { target, options: { createRoles, force }, clients, signal }: RestoreContext,
  wanted: readonly string[],
): Promise<string> {
  const { session, exists } = await openTarget(target, clients, signal);
  await using stack = new AsyncDisposableStack();
  stack.use(session);
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
