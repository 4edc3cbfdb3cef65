import { DATABASE_PLACEHOLDER, SERVER_PLACEHOLDER, type AlarmsConfig } from '@pgstow/shared/config/subjects/alarms.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import type { Redact } from '@pgstow/shared/runtime/log/redact.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { Alarms, type ServerAlarms } from './alarms/alarms.ts';
import { Background } from './background.ts';
import { Heartbeat } from './heartbeat/heartbeat.ts';

export type StartNotifyingOptions = {
  readonly config: AlarmsConfig;
  readonly site: string;
  readonly redis: RedisConnection;
  readonly log: Log;
  readonly redact: Redact;
  /** Must be disposed of after the process's worker: the last job may raise an alarm. */
  readonly stack: AsyncDisposableStack;
};

/** The ways in which a process reaches people about one server. */
export type Notifying = {
  readonly alarms: ServerAlarms;
  readonly heartbeat: Heartbeat;
  /** Runs work that comes before an alarm or a ping. */
  readonly background: Background;
};

/** The ways in which a process reaches people: about the server of stack.env, and about all others. */
export type ProcessNotifying = Omit<Notifying, 'alarms'> & {
  readonly alarms: Alarms;
  readonly of: (server: string | undefined) => Notifying;
};

/** Starts a process's alarms and heartbeat, until `stack` is disposed of. */
export function startNotifying({ config, stack, ...options }: StartNotifyingOptions): ProcessNotifying {
  const background = stack.use(new Background(options.log, options.redact));
  const { endpoints, heartbeatUrl: url } = config;
  const alarms = stack.use(new Alarms({ ...options, background, endpoints }));
  const heartbeatOf = (server: string | undefined) => new Heartbeat({ ...options, background, url, server });
  return {
    alarms,
    heartbeat: heartbeatOf(undefined),
    background,
    of: (server) => ({ alarms: alarms.of(server), heartbeat: heartbeatOf(server), background }),
  };
}

/** A warning about the configuration, if it needs one. */
export function warningOf(
  { heartbeatUrl }: AlarmsConfig,
  databases: readonly string[] | 'many',
  servers: readonly string[] = [],
): string | undefined {
  if (heartbeatUrl === undefined) return undefined;
  if (servers.length > 0 && !heartbeatUrl.includes(SERVER_PLACEHOLDER))
    return `HEARTBEAT_URL does not tell servers apart, so a backup of one hides that another has none; put ${SERVER_PLACEHOLDER} in it`;
  const count = databases === 'many' ? 'all' : databases.length;
  if ((databases !== 'many' && databases.length < 2) || heartbeatUrl.includes(DATABASE_PLACEHOLDER)) return undefined;
  return `HEARTBEAT_URL has one check for ${count} databases, so one that is backed up hides one that is not; put ${DATABASE_PLACEHOLDER} in it`;
}
