import type { BackupConfig } from '@pgstow/shared/config/subjects/backup.ts';
import { placesOf, type DestinationConfig } from '@pgstow/shared/config/subjects/destinations.ts';
import type { VerifyConfig } from '@pgstow/shared/config/subjects/verify.ts';
import { scopeOf } from '@pgstow/shared/contract/scope.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { makeFolder } from '../folder/backup-folder.ts';
import { Records } from '../folder/records.ts';
import { Publisher } from './publisher.ts';

/** The part of a worker's context of one server that all workers have: the folder, Redis, and the folder's copy there. */
export type WorkerContext = {
  readonly backup: BackupConfig;
  readonly verify: VerifyConfig;
  readonly site: string;
  /** `undefined`: that of stack.env. */
  readonly server: string | undefined;
  /** The part of Redis that holds what is kept about the server. */
  readonly scope: string;
  readonly redis: RedisConnection;
  /** Records of the backup folder, as the process remembers them. */
  readonly records: Records;
  readonly catalog: Pick<Publisher, 'publish'>;
  readonly log: Log;
};

/** What the contexts of all servers of a process share. */
export type SharedContext = Pick<WorkerContext, 'site' | 'redis'>;

type WorkerServer = {
  readonly server: string | undefined;
  readonly config: {
    readonly backup: BackupConfig;
    readonly verify: VerifyConfig;
    readonly destinations: readonly DestinationConfig[];
  };
  readonly log: Log;
  readonly stack: AsyncDisposableStack;
};

/**
 * Begins to publish the folder of a server, until `stack` is disposed of. A server of TARGETS_FILE has a folder of its own, which is
 * made if it is not there.
 *
 * @throws PermanentError if the folder cannot be written to
 */
export async function openWorkerContext(
  { server, config, log, stack }: WorkerServer,
  { site, redis }: SharedContext,
): Promise<WorkerContext> {
  const { backup, verify } = config;
  const destinations = placesOf(config.destinations);
  if (server !== undefined) await makeFolder(backup.folder, backup.folderOnHost);
  const scope = scopeOf(site, server);
  const records = new Records(backup.folder);
  const catalog = stack.use(new Publisher({ records, scope, redis, destinations, log }));
  return { backup, verify, site, server, scope, redis, records, catalog, log };
}
