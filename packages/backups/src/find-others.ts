import { isOfLineage } from '@pgstow/catalog/policy/lineage-policy.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { describeSource } from '@pgstow/shared/contract/source-identity.ts';
import type { Store } from '@pgstow/store/store.ts';
import { hasManifest, listBackups } from './list-backups.ts';

/** Manifests of each database that are read at the store. */
const MOST_READ = 20;

/** Backups of another server that lie at a store under the name of a database of ours. */
export type Others = { readonly database: string; readonly server: string; readonly newest: string };

/**
 * Finds out whether somebody else uses a place: the newest backups there that the folder does not have are compared by their
 * manifests with the folder's newest. Where the folder has none of a database, nothing can be told.
 *
 * @throws the reason of the signal. A store that cannot be read yields nothing
 */
export async function findOthers(
  folder: string,
  store: Store,
  databases: readonly string[],
  signal: AbortSignal,
): Promise<readonly Others[]> {
  const others: Others[] = [];
  for (const database of databases) {
    const { backups } = await listBackups({
      folder,
      stores: [store],
      databases: [database],
      chooseManifests: (names) => names.slice(0, MOST_READ),
      signal,
    });
    const proven = backups.filter(hasManifest);
    const ours = proven.find(({ places, manifest }) => places.includes(LOCAL) && manifest.identity !== undefined);
    if (ours === undefined) continue;
    for (const { name, places, manifest } of proven) {
      const { identity } = manifest;
      if (places.includes(LOCAL) || identity === undefined || isOfLineage(ours.manifest, identity)) continue;
      const server = describeSource(identity);
      if (others.every((each) => each.database !== database || each.server !== server))
        others.push({ database, server, newest: name });
    }
  }
  return others;
}
