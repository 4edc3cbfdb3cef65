import { readFileSync } from 'node:fs';
import { startNotifying } from '@pgstow/notify/start-notifying.ts';
import { subjects } from '@pgstow/shared/config/subjects.ts';
import { places } from '@pgstow/shared/config/subjects/destinations.ts';
import { scheduledTargets, targetsOf } from '@pgstow/shared/config/targets-of.ts';
import type { QueueName } from '@pgstow/shared/contract/jobs.ts';
import { placeNames } from '@pgstow/shared/contract/restore-test.ts';
import { openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { runProcess } from '@pgstow/shared/runtime/process.ts';
import { CatalogReader } from '@pgstow/shared/runtime/redis/catalog-copy.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis/redis.ts';
import { wantDumps, wantRestoreTests } from './schedules/wanted-entries.ts';
import { watchSchedules } from './schedules/watch-schedules.ts';
import { describePause } from './site/protection-policy.ts';
import { queueOrder } from './site/read-site.ts';
import type { Site } from './site/site.ts';
import { watchSites } from './site/watch-sites.ts';
import { watchStaleness } from './site/watch-staleness.ts';
import { checkHealth } from './status/healthz.ts';
import { addStatusRoutes } from './status/status-routes.ts';
import { startWebServer } from './web/start-web-server.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const { postgres, schedule, verify, alarms, redis, board } = subjects;

await runProcess(
  'scheduler',
  { postgres, schedule, verify, places, alarms, redis, board },
  async ({ config, log, redact, stack }) => {
    const { site, url } = config.redis;
    const connection = stack.use(await connectRedis(url, log));
    const queues = {
      dump: stack.use(openQueue('dump', site, connection)),
      upload: stack.use(openQueue('upload', site, connection)),
      verify: stack.use(openQueue('verify', site, connection)),
    };
    const inOrder = queueOrder.map((name) => queues[name] as unknown as OpenQueue<QueueName>);
    const asked = config.postgres;
    const catalog = new CatalogReader(connection, site);
    const publicPath = config.board.publicAddress?.path ?? '';

    const schedules = stack.use(
      watchSchedules(
        wantDumps({ queue: queues.dump, targets: scheduledTargets(asked), schedule: config.schedule, log }),
      ),
    );
    const restoreTests = wantRestoreTests({
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
    const served: Site = {
      name: site,
      asked,
      schedule: config.schedule,
      destinations: config.places,
      restoreTests: config.verify.schedule,
      redis: connection,
      catalog,
      queues,
      schedules,
      startedAt: new Date(),
    };
    const alarmsOf = perSite((name) => {
      const { alarms } = startNotifying({ config: config.alarms, site: name, redis: connection, log, redact, stack });
      return alarms;
    });
    const sites = stack.use(watchSites({ site: served, version, alarmsOf, log }));
    const server = stack.use(
      await startWebServer({
        config: config.board,
        loadBoard: async () => (await import('./web/board.ts')).createBoard(inOrder, site, publicPath, log),
        addPages: (scope) => addStatusRoutes(scope, served, { version, sites, publicPath, log }),
        readHealth: (mayKnowNames) => checkHealth(served, mayKnowNames),
        log,
      }),
    );
    await schedules.start();
    for (const each of restoreTests) await each.start();
    stack.use(watchStaleness({ site: served, alarms: alarmsOf(site), log }));
    for (const name of queueOrder) if (await queues[name].isPaused()) log.warn(describePause(name));

    if (config.board.password === undefined) {
      log.warn({ url: `${server.url}/healthz` }, 'the board is closed; set BOARD_PASSWORD to open it');
    } else {
      log.info({ url: server.url }, `status page and board on ${server.url}`);
    }
  },
);

/** Makes what belongs to a site once, when it is first asked for. */
function perSite<T>(make: (site: string) => T): (site: string) => T {
  const made = new Map<string, T>();
  return (site) => {
    const known = made.get(site) ?? make(site);
    made.set(site, known);
    return known;
  };
}
