import {
  applyRetention,
  whyFrozen,
  type Freeze,
  type RetentionPolicy,
  type Verdict,
} from '../policy/retention-policy.ts';
import { readFolder, type ReadFolderOptions } from './read-folder.ts';
import type { Records } from './records.ts';

export type Verdicts = {
  /** Verdicts by database, oldest dump first. */
  readonly verdicts: ReadonlyMap<string, readonly Verdict[]>;
  /** The reason of each database of which nothing may be deleted. */
  readonly frozen: ReadonlyMap<string, Freeze>;
  /** Why something in the folder does not count, a sentence each. */
  readonly faults: readonly string[];
};

/**
 * Applies the retention policy to every dump in the folder.
 *
 * @throws if the folder cannot be read
 */
export async function readVerdicts(
  folder: Records | string,
  policy: RetentionPolicy,
  now: Date,
  options?: ReadFolderOptions,
): Promise<Verdicts> {
  const { dumps, damaged, faults } = await readFolder(folder, options);
  const byDatabase = Map.groupBy(dumps, ({ manifest }) => manifest.database);
  const verdicts = Array.from(
    byDatabase,
    ([database, ours]) => [database, applyRetention(ours, policy, now, damaged.get(database))] as const,
  );
  const frozen = Array.from(
    byDatabase,
    ([database, ours]) => [database, whyFrozen(ours, now, damaged.get(database))] as const,
  ).filter((each): each is [string, Freeze] => each[1] !== undefined);
  return { verdicts: new Map(verdicts), frozen: new Map(frozen), faults };
}
