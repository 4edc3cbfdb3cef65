import { readFolder } from './read-folder.ts';
import { applyRetention, type RetentionPolicy, type Verdict } from './retention-policy.ts';

export type Verdicts = {
  /** By database, oldest dump first. */
  readonly verdicts: ReadonlyMap<string, readonly Verdict[]>;
  /** What in the folder does not count, a sentence each. */
  readonly faults: readonly string[];
};

/**
 * What the retention policy says now of every dump in the folder.
 *
 * @throws if the folder cannot be read
 */
export async function readVerdicts(folder: string, policy: RetentionPolicy, now: Date): Promise<Verdicts> {
  const { dumps, faults } = await readFolder(folder);
  const byDatabase = Map.groupBy(dumps, ({ manifest }) => manifest.database);
  const verdicts = Array.from(byDatabase, ([database, ours]) => [database, applyRetention(ours, policy, now)] as const);
  return { verdicts: new Map(verdicts), faults };
}
