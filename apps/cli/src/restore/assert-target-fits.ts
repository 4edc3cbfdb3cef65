import type { PostgresConfig } from '@pgstow/shared/config/subjects/postgres.ts';
import { refusal } from '../exit-codes.ts';
import { judgeSource } from './judge-source.ts';
import type { RestoreContext } from './restore-context.ts';
import { openTarget, readContents } from './target-facts.ts';

/** Looks at the target and changes nothing. @returns whether it exists @throws ExitError if it may not be restored into */
export async function assertTargetFits(
  { target, options, clients, signal }: RestoreContext,
  source: PostgresConfig | undefined,
): Promise<boolean> {
  await using there = await openTarget(target, clients, signal);
  const { session, exists } = there;
  const verdict = source === undefined ? 'other' : await judgeSource(session, target, source, clients, signal);
  if (verdict === 'source' && options.yesOverwriteSource === undefined) {
    throw refusal(
      `${target.title} is a configured source`,
      `Restore into another database, or name it once more: --yes-overwrite-source ${target.database}`,
    );
  }
  if (!exists) {
    if (options.create === true) return false;
    throw refusal(`the database ${target.title} does not exist`, 'Give --create to have it created.');
  }
  const { count, first } = await readContents(session);
  if (count === 0) return true;
  if (options.force === true) {
    if (typeof verdict === 'string' || options.yesOverwriteSource !== undefined) return true;
    throw refusal(
      `it is unknown whether ${target.title} is a configured source, which does not answer: ${verdict.unknown}`,
      `Restore into another database or, if it may be overwritten whatever it is, add --yes-overwrite-source ${target.database}`,
    );
  }
  const more = count > first.length ? ` and ${count - first.length} more` : '';
  throw refusal(
    `${target.title} is not empty: it has ${first.join(', ')}${more}`,
    'Restore into another database, or give --force to have all of that dropped.',
  );
}
