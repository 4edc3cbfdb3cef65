import { DATABASE_PLACEHOLDER, type AlarmsConfig } from '@pgstow/shared/config/subjects/alarms.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import type { Redact } from '@pgstow/shared/runtime/log/redact.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { Alarms } from './alarms/alarms.ts';
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

/** The ways in which a process reaches people. */
export type Notifying = {
  readonly alarms: Alarms;
  readonly heartbeat: Heartbeat;
  /** Runs work that comes before an alarm or a ping. */
  readonly background: Background;
};

/** Starts a process's alarms and heartbeat, until `stack` is disposed of. */
export function startNotifying({ config, stack, ...options }: StartNotifyingOptions): Notifying {
  const background = stack.use(new Background(options.log, options.redact));
  const { endpoints, heartbeatUrl: url } = config;
  return {
    alarms: stack.use(new Alarms({ ...options, background, endpoints })),
    heartbeat: new Heartbeat({ ...options, background, url }),
    background,
  };
}

/** A warning about the configuration, if it needs one. */
export function warningOf({ heartbeatUrl }: AlarmsConfig, databases: readonly string[]): string | undefined {
  if (heartbeatUrl === undefined || databases.length < 2 || heartbeatUrl.includes(DATABASE_PLACEHOLDER))
    return undefined;
  return `HEARTBEAT_URL has one check for ${databases.length} databases, so one that is backed up hides one that is not; put ${DATABASE_PLACEHOLDER} in it`;
}
