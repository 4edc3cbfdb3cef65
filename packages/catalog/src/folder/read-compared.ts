import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { lastCompared } from '../policy/size-policy.ts';
import type { KnownDump } from './read-folder.ts';
import { readManifest } from './read-records.ts';

/**
 * Reads the whole manifests that a new dump is compared with, table by table.
 *
 * @param earlier dumps of the same database, oldest first
 */
export function readCompared(folder: string, earlier: readonly KnownDump[], takenAt: Date): readonly Manifest[] {
  const manifests = lastCompared(earlier, takenAt).map(({ manifest }) => readManifest(folder, manifest.name));
  // One that was damaged or deleted since is none of the good dumps.
  return manifests.filter((manifest) => typeof manifest === 'object');
}
