import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { jobOptions, openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { connectRedis, type RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import type { RedisOptions } from '@pgstow/testing/servers/redis-server.ts';
import { apps, startApp, type App } from './processes/start-app.ts';
import { log } from './processes/start-connected-redis.ts';
import { settingsOf, type Environment } from './settings-of.ts';
import { startServers, type Servers } from './start-servers.ts';

/** The servers and folders of a whole pgstow, and its four processes. */
export interface Stack extends Servers {
  readonly folder: string;
  readonly scratch: string;
  /** The environment of every process. */
  readonly settings: Environment;
  readonly connection: RedisConnection;
  readonly dumps: OpenQueue<'dump'>;
  /** Starts a process, and waits until it is ready. */
  start(app: App, env?: Environment): Promise<BoundProcess>;
  /** Starts all four processes. */
  startAll(env?: Environment): Promise<Readonly<Record<App, BoundProcess>>>;
  /** Requests a dump, and returns its name once its restore test is good. */
  cycle(): Promise<BackupName>;
  /** The newest dump with a good restore test, among those that `isWanted` accepts. */
  restored(isWanted?: (name: BackupName) => boolean): Promise<BackupName>;
}

export type StackOptions = {
  readonly redis?: RedisOptions;
  /** The backup folder; a private temp folder unless given. */
  readonly folder?: string;
};

/** A stack with a small database `shop` on its own servers. @param env further settings */
export async function setStack(env: Environment = {}, options: StackOptions = {}): Promise<Stack> {
  await using cleanup = new AsyncDisposableStack();
  const sql = 'create table t as select i from generate_series(1, 1000) i';
  const { redis, postgres, s3 } = cleanup.use(await startServers({ shop: sql }, options.redis));
  const folder = options.folder ?? cleanup.use(await tempFolder('pgstow-stack-')).path;
  const { path: scratch } = cleanup.use(await tempFolder('pgstow-verify-', unprivilegedUser()));
  const connection = cleanup.use(await connectRedis(redis.url, log));
  const dumps = cleanup.use(openQueue('dump', 'default', connection));
  const settings = {
    ...settingsOf({ postgres, databases: 'shop', redis, s3, folder }),
    BACKUP_INTERVAL: '86400',
    BOARD_PORT: '0',
    LOG_LEVEL: 'debug',
    VERIFY_DIR: scratch,
    VERIFY_MEMORY_LIMIT: '128',
    ...env,
  };
  const owned = cleanup.move();

  const start: Stack['start'] = async (app, more = {}) => owned.use(await startApp(app, { ...settings, ...more }));
  const restored: Stack['restored'] = (isWanted = () => true) =>
    eventually<BackupName | null>(async () => {
      const { dumps: known } = await readFolder(folder);
      const good = known.findLast(({ restoreTests }) =>
        [...restoreTests.values()].some(({ result }) => result === 'good'),
      );
      return good !== undefined && isWanted(good.manifest.name) ? good.manifest.name : null;
    });
  return {
    postgres,
    redis,
    s3,
    folder,
    scratch,
    settings,
    connection,
    dumps,
    start,
    startAll: async (more = {}) => {
      const started = await Promise.all(apps.map(async (app) => [app, await start(app, more)] as const));
      return Object.fromEntries(started) as Record<App, BoundProcess>;
    },
    cycle: async () => {
      const before = new Set((await readFolder(folder)).dumps.map(({ manifest }) => manifest.name));
      await dumps.add('ad-hoc', { target: 'shop' }, jobOptions.dump);
      return restored((name) => !before.has(name));
    },
    restored,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
