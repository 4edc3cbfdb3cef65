import { statfs } from 'node:fs/promises';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { drawTicket, putCatalog } from '@pgstow/shared/runtime/redis/catalog-copy.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { readFolder } from '../folder/read-folder.ts';
import { readFoundDatabases } from '../folder/read-records.ts';
import type { Records } from '../folder/records.ts';
import { summariseFolder } from './summarise-folder.ts';

export type PublishOptions = {
  readonly records: Records;
  readonly scope: string;
  readonly redis: RedisConnection;
  /** Empty where backups stay local. */
  readonly destinations: readonly Destination[];
};

/**
 * Publishes what a folder holds now, for processes without a folder.
 *
 * @returns how many dumps it holds
 * @throws if the folder cannot be read. With Redis away it waits
 */
export async function publishCatalog({ records, scope, redis, destinations }: PublishOptions): Promise<number> {
  const ticket = await drawTicket(redis, scope);
  const [contents, { bavail, blocks, bsize }] = await Promise.all([readFolder(records), statfs(records.folder)]);
  const disk = { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  const found = readFoundDatabases(records);
  const summary = summariseFolder({ contents, disk, destinations, now: new Date() });
  await putCatalog(
    redis,
    scope,
    ticket,
    found === undefined || found instanceof Error ? summary : { ...summary, found },
  );
  return contents.dumps.length;
}
