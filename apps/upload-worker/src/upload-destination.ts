import { isFolderConfig, type DestinationConfig } from '@pgstow/shared/config/subjects/destinations.ts';
import type { Keep } from '@pgstow/shared/config/values/keep-variables.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import type { ManifestOutline } from '@pgstow/shared/contract/manifest.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import { openStore } from '@pgstow/store/open/open-store.ts';
import type { Store } from '@pgstow/store/store.ts';

/** A destination, and how dumps are copied there. */
export type UploadDestination = Destination & {
  readonly store: Store;
  /** `read`: objects are read back, whatever the store says of them. */
  readonly confirm: 'auto' | 'read';
  /** What stays there; `undefined`: all of it. */
  readonly keep: Keep | undefined;
  /** Manifests that were read there, of dumps that the folder does not have. */
  readonly remembered: Map<BackupName, ManifestOutline>;
  /** People's words that lie there, by their keys. */
  readonly copied: Map<string, string>;
  /** When the store last refused to delete. */
  readonly refusedAt: { ms: number | undefined };
  /** Keys that were put, and could not be looked at since. */
  readonly unseen: Set<string>;
  /** Logs a message once in the life of the process. */
  readonly warnOnce: (message: string) => void;
};

/** The configured destinations by name. Their connections are closed by `stack`. */
export async function openDestinations(
  configs: readonly DestinationConfig[],
  log: Log,
  stack: AsyncDisposableStack,
): Promise<ReadonlyMap<string, UploadDestination>> {
  const opened = new Map<string, UploadDestination>();
  for (const config of configs) {
    const warned = new Set<string>();
    opened.set(config.destination.name, {
      ...config.destination,
      store: stack.use(await openStore(config, (sentence) => log.warn(sentence))),
      // A folder's store reads back what it has written.
      confirm: isFolderConfig(config) ? 'auto' : config.confirm,
      keep: config.keep,
      remembered: new Map(),
      copied: new Map(),
      refusedAt: { ms: undefined },
      unseen: new Set(),
      warnOnce: (message) => {
        if (warned.has(message)) return;
        warned.add(message);
        log.warn(message);
      },
    });
  }
  return opened;
}
