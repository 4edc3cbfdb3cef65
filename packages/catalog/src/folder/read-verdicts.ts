import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { manifestFileName } from '@pgstow/shared/contract/manifest.ts';
import { dumpsOf } from '../policy/dumps-of.ts';
import {
  applyRetention,
  whyFrozen,
  type Freeze,
  type RetentionPolicy,
  type Verdict,
} from '../policy/retention-policy.ts';
import { allRecorded, readFolder, type ReadFolderOptions } from './read-folder.ts';
import { readManifest } from './read-records.ts';
import type { Records } from './records.ts';

export type Verdicts = {
  /** Verdicts by database, oldest dump first. */
  readonly verdicts: ReadonlyMap<string, readonly Verdict[]>;
  /** The reason of each database of which nothing may be deleted. */
  readonly frozen: ReadonlyMap<string, Freeze>;
  /** Dumps that lie elsewhere alone, and whose records go: in the folder, they would be pruned. */
  readonly surplus: ReadonlyMap<string, readonly BackupName[]>;
  /** Why something in the folder does not count, a sentence each. */
  readonly faults: readonly string[];
};

/** Kept dumps whose manifests are read whole before others may be deleted, the newest ones. */
const READ_WHOLE = 20;

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
  const path = typeof folder === 'string' ? folder : folder.folder;
  const contents = await readFolder(folder, options);
  const { dumps, elsewhere, damaged, faults } = contents;
  const verdicts = new Map<string, readonly Verdict[]>();
  const frozen = new Map<string, Freeze>();
  for (const [database, ours] of Map.groupBy(dumps, ({ manifest }) => manifest.database)) {
    let unsound = damaged.get(database);
    let theirs = applyRetention(ours, policy, now, unsound);
    if (theirs.some(({ action }) => action === 'delete')) {
      unsound = findDamagedManifest(path, theirs);
      if (unsound !== undefined) theirs = applyRetention(ours, policy, now, unsound);
    }
    verdicts.set(database, theirs);
    const freeze = whyFrozen(ours, now, unsound);
    if (freeze !== undefined) frozen.set(database, freeze);
  }
  const surplus = new Map<string, readonly BackupName[]>();
  for (const [database, theirs] of Map.groupBy(elsewhere, ({ manifest }) => manifest.database)) {
    const all = dumpsOf(database, allRecorded(contents));
    const judged = applyRetention(all, policy, now, damaged.get(database));
    const released = new Set(judged.filter(({ action }) => action === 'delete').map(({ name }) => name));
    surplus.set(
      database,
      theirs.map(({ manifest }) => manifest.name).filter((name) => released.has(name)),
    );
  }
  return { verdicts, frozen, surplus, faults };
}

/** Reads the newest kept manifests to their end: a reading of the folder passes over their sources' facts. */
function findDamagedManifest(folder: string, verdicts: readonly Verdict[]): string | undefined {
  const kept = verdicts.filter(({ action }) => action === 'keep').slice(-READ_WHOLE);
  const damaged = kept.find(({ name }) => typeof readManifest(folder, name) !== 'object');
  return damaged && manifestFileName(damaged.name);
}
