import { lastCompared, type GoodDumpSize } from '../policy/size-policy.ts';
import type { KnownDump } from './read-folder.ts';
import { readTables } from './read-records.ts';

/**
 * Reads of the manifests that a new dump is compared with what is compared, table by table.
 *
 * @param earlier dumps of the same database, oldest first
 */
export function readCompared(folder: string, earlier: readonly KnownDump[], takenAt: Date): readonly GoodDumpSize[] {
  const manifests = lastCompared(earlier, takenAt).map(({ manifest }) => readTables(folder, manifest.name));
  // One that was damaged or deleted since is none of the good dumps.
  return manifests.filter((manifest) => typeof manifest === 'object');
}
