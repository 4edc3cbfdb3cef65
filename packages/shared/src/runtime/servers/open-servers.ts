import type { RedisConnection } from '../redis/redis.ts';
import { readKeptTargets } from '../redis/targets-copy.ts';
import { Servers, type ServersOptions } from './servers.ts';

type Options<Config, Context> = Omit<ServersOptions<Config, Context>, 'readLastGood'> & {
  readonly site: string;
  readonly redis: RedisConnection;
};

/** Opens the servers of a process. While TARGETS_FILE has a fault, they are those that Redis has kept of it. */
export function openServers<Config, Context>({
  site,
  redis,
  ...options
}: Options<Config, Context>): Promise<Servers<Config, Context>> {
  return Servers.open({ ...options, readLastGood: () => readKeptTargets(redis, site) });
}
