import type { ConfigReading } from '@pgstow/shared/config/read-config.ts';
import { subjects as all } from '@pgstow/shared/config/subjects.ts';
import { places } from '@pgstow/shared/config/subjects/destinations.ts';
import { postgres } from '@pgstow/shared/config/subjects/postgres.ts';
import { scheduledTargets, targetsOf } from '@pgstow/shared/config/targets-of.ts';
import { placeNames } from '@pgstow/shared/contract/restore-test.ts';
import { scopeOf } from '@pgstow/shared/contract/scope.ts';
import { openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { CatalogReader } from '@pgstow/shared/runtime/redis/catalog-copy.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import type { ServerProcess } from '@pgstow/shared/runtime/servers/servers.ts';
import { wantDumps, wantRestoreTests } from './schedules/wanted-entries.ts';
import { watchSchedules, type WatchedSchedules } from './schedules/watch-schedules.ts';
import type { ServedServer } from './site/site.ts';

const { targets, schedule, verify, alarms, redis, board } = all;

/** It connects to no server of a target, so it is not to be given their passwords. */
const { POSTGRES_PASSWORD: _password, ...withoutPassword } = postgres.variables;

export const subjects = {
  postgres: { ...postgres, variables: withoutPassword } as typeof postgres,
  targets,
  schedule,
  verify,
  places,
  alarms,
  redis,
  board,
};

type Shared = { readonly site: string; readonly redis: RedisConnection };

/** A server whose schedules begin once they are started. */
export type SchedulingServer = ServedServer & { readonly schedulesOfAll: readonly WatchedSchedules[] };

/** Opens what the scheduler works with for one server; the server's stack closes it. */
export function openServer(
  { server, config, log, stack }: ServerProcess<ConfigReading<typeof subjects>['config']>,
  { site, redis }: Shared,
): SchedulingServer {
  const queues = {
    dump: stack.use(openQueue('dump', site, redis, server)),
    upload: stack.use(openQueue('upload', site, redis, server)),
    verify: stack.use(openQueue('verify', site, redis, server)),
  };
  const asked = config.postgres;
  const scope = scopeOf(site, server);
  const catalog = new CatalogReader(redis, scope);
  const schedules = stack.use(
    watchSchedules(
      wantDumps({ server, targets: scheduledTargets(asked), queue: queues.dump, schedule: config.schedule, log }),
    ),
  );
  const restoreTests = wantRestoreTests({
    server,
    queue: queues.verify,
    targets: targetsOf(asked, undefined),
    readTargets:
      asked.patterns.length === 0
        ? undefined
        : async () => {
            const found = (await catalog.read())?.found;
            return found && targetsOf(asked, found);
          },
    schedule: config.verify.schedule,
    places: placeNames(config.places),
    log,
  }).map((entries) => stack.use(watchSchedules(entries)));
  return {
    server,
    scope,
    asked,
    schedule: config.schedule,
    destinations: config.places,
    restoreTests: config.verify.schedule,
    catalog,
    queues,
    schedules,
    schedulesOfAll: [schedules, ...restoreTests],
  };
}
