import type { PostgresConfig } from '@pgstow/shared/config/postgres.ts';
import { exitCodes, ExitError } from './exit-codes.ts';
import { isConfiguredSource } from './is-configured-source.ts';
import type { RestoreContext } from './restore-context.ts';
import { openTarget, readContents } from './target-facts.ts';

/** Looks at the target, and touches nothing. @returns whether it exists @throws ExitError if it may not be restored into */
export async function assertTargetFits(
  { target, options, clients, signal }: RestoreContext,
  source: PostgresConfig | undefined,
): Promise<boolean> {
  const { session, exists } = await openTarget(target, clients, signal);
  await using stack = new AsyncDisposableStack();
  stack.use(session);
  const isSource = source !== undefined && (await isConfiguredSource(session, target, source, clients, signal));
  if (isSource && options.yesOverwriteSource === undefined) {
    throw new ExitError(
      exitCodes.refused,
      `${target.title} is a configured source; nothing was touched`,
      `Restore into another database, or name it once more: --yes-overwrite-source ${target.database}`,
    );
  }
  if (!exists) {
    if (options.create === true) return false;
    throw new ExitError(
      exitCodes.refused,
      `the database ${target.title} does not exist; nothing was touched`,
      'Give --create to have it created.',
    );
  }
  const { count, first } = await readContents(session);
  if (count === 0 || options.force === true) return true;
  const more = count > first.length ? ` and ${count - first.length} more` : '';
  throw new ExitError(
    exitCodes.refused,
    `${target.title} is not empty: it has ${first.join(', ')}${more}; nothing was touched`,
    'Restore into another database, or give --force to have all of that dropped.',
  );
}
