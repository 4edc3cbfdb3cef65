import type { S3Config } from '@pgstow/shared/config/subjects/s3.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import { S3Store } from '@pgstow/store/s3/s3-store.ts';
import type { Store } from '@pgstow/store/store.ts';

/** A destination, and how dumps are copied there. */
export type UploadDestination = Destination & {
  readonly store: Store;
  /** `read`: objects are read back, whatever the store says of them. */
  readonly confirm: 'auto' | 'read';
  /** Keys that were put, and could not be looked at since. */
  readonly unseen: Set<string>;
  /** Logs a message once in the life of the process. */
  readonly warnOnce: (message: string) => void;
};

/** The configured destinations by name; none if there is no bucket. Their connections are closed by `stack`. */
export function openDestinations(
  s3: S3Config | undefined,
  log: Log,
  stack: AsyncDisposableStack,
): ReadonlyMap<string, UploadDestination> {
  if (s3 === undefined) return new Map();
  const warned = new Set<string>();
  const destination: UploadDestination = {
    ...s3.destination,
    store: stack.use(new S3Store(s3, (_extra, sentence) => log.warn(sentence))),
    confirm: s3.confirm,
    unseen: new Set(),
    warnOnce: (message) => {
      if (warned.has(message)) return;
      warned.add(message);
      log.warn(message);
    },
  };
  return new Map([[s3.destination.name, destination]]);
}
