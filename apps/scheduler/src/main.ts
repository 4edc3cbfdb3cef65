import { readFileSync } from 'node:fs';
import { startNotifying } from '@pgstow/notify/start-notifying.ts';
import type { QueueName } from '@pgstow/shared/contract/jobs.ts';
import { openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { runProcess } from '@pgstow/shared/runtime/process.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis/redis.ts';
import { keepTargets } from '@pgstow/shared/runtime/redis/targets-copy.ts';
import { openServers } from '@pgstow/shared/runtime/servers/open-servers.ts';
import { openServer, subjects } from './open-server.ts';
import { removeForgotten } from './schedules/remove-forgotten.ts';
import { describePause } from './site/protection-policy.ts';
import { queueOrder } from './site/read-site.ts';
import type { Site } from './site/site.ts';
import { updateTargetsAlarm } from './site/targets-alarm.ts';
import { watchSites } from './site/watch-sites.ts';
import { watchStaleness } from './site/watch-staleness.ts';
import { checkHealth } from './status/healthz.ts';
import { addStatusRoutes } from './status/status-routes.ts';
import { startWebServer } from './web/start-web-server.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

await runProcess('scheduler', subjects, async (process) => {
  const { config, log, redact, stack } = process;
  const { site, url } = config.redis;
  const redis = stack.use(await connectRedis(url, log));
  const queues = {
    dump: stack.use(openQueue('dump', site, redis)),
    upload: stack.use(openQueue('upload', site, redis)),
    verify: stack.use(openQueue('verify', site, redis)),
  };
  const inOrder = queueOrder.map((name) => queues[name] as unknown as OpenQueue<QueueName>);
  const publicPath = config.board.publicAddress?.path ?? '';

  const alarmsOf = perSite((name) => {
    const { alarms } = startNotifying({ config: config.alarms, site: name, redis, log, redact, stack });
    return alarms;
  });
  // The web server comes first, and schedules are written once it listens.
  let mayPlan = false;
  const servers = stack.use(
    await openServers({
      ...process,
      site,
      redis,
      open: async (server) => {
        const served = openServer(server, { site, redis });
        if (mayPlan) for (const each of served.schedulesOfAll) await each.start();
        return served;
      },
      onFault: (fault) => updateTargetsAlarm(alarmsOf(site), site, fault),
      onTaken: async (text, names) => {
        const { withoutComments } = await import('@pgstow/shared/config/targets/without-comments.ts');
        await keepTargets(redis, site, withoutComments(text));
        for (const queue of inOrder) await removeForgotten(queue, new Set(names), log);
      },
    }),
  );
  const served: Site = {
    name: site,
    redis,
    queues,
    startedAt: new Date(),
    servers: () => servers.contexts,
    targetsFault: () => servers.fault,
  };
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
  mayPlan = true;
  for (const { schedulesOfAll } of servers.contexts) for (const each of schedulesOfAll) await each.start();
  stack.use(watchStaleness({ site: served, alarms: alarmsOf(site), log }));
  for (const name of queueOrder) if (await queues[name].isPaused()) log.warn(describePause(name));

  if (config.board.password === undefined) {
    log.warn({ url: `${server.url}/healthz` }, 'the board is closed; set BOARD_PASSWORD to open it');
  } else {
    log.info({ url: server.url }, `status page and board on ${server.url}`);
  }
});

/** Makes what belongs to a site once, when it is first asked for. */
function perSite<T>(make: (site: string) => T): (site: string) => T {
  const made = new Map<string, T>();
  return (site) => {
    const known = made.get(site) ?? make(site);
    made.set(site, known);
    return known;
  };
}
