import { findOthers } from '@pgstow/backups/find-others.ts';
import { isFolderConfig } from '@pgstow/shared/config/subjects/destinations.ts';
import { objectUrl, placeSettingOf } from '@pgstow/shared/contract/destination.ts';
import { openStore } from '@pgstow/store/open/open-store.ts';
import { defineCheck, findingOf } from '../check.ts';

/** Looks whether another stack keeps its backups under our names at a destination. */
export const checkShared = defineCheck({
  name: 's3.shared',
  needs: ['destinations', 'backup', 'postgres'],
  timeoutMs: ({ postgres }) => 60_000 + 10_000 * postgres.databases.length,
  async *run({ destinations, backup, postgres }, _facts, signal) {
    for (const config of destinations) {
      using store = await openStore(config);
      const { destination } = config;
      const { warning } = findingOf(isFolderConfig(config) ? 'copy.shared' : 's3.shared', destination.name);
      for (const { database, server, newest } of await findOthers(backup.folder, store, postgres.databases, signal))
        yield warning(
          `${objectUrl(destination, destination.prefix)} holds backups of another server under the name ${database}: ${newest} is of ${server}`,
          `If another stack puts them there, give each its own place: set ${placeSettingOf(destination)} apart. Nothing is overwritten meanwhile.`,
        );
    }
  },
});
