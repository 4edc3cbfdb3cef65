import type { NotifyEndpoint } from '@pgstow/shared/config/notify-url.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';
import type { Redact } from '@pgstow/shared/runtime/redact.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis.ts';
import { describeAlarm, describeRecovery, type Alarm, type Recovery } from './alarm-notification.ts';
import { decideLift, decideRaise, decideRetell, decideTold, type AlarmRecord } from './alarm-record.ts';
import { changeAlarm, readAlarms } from './alarm-state.ts';
import type { Background } from './background.ts';
import type { AlarmKind } from './notification.ts';
import { notify } from './notify.ts';

export type AlarmsOptions = {
  readonly site: string;
  readonly redis: RedisConnection;
  readonly endpoints: readonly NotifyEndpoint[];
  readonly background: Background;
  readonly log: Log;
  readonly redact: Redact;
};

/** Between looks for alarms that nobody has taken: the network that failed an upload fails its alarm, too. */
const RETELL_MS = 5 * 60_000;

/**
 * The alarms of a site. Each is raised once and lifted once, whichever worker sees it, and stands in Redis in between. Nobody
 * waits for the sending, and nothing fails with it: with Redis away, or nobody to take it, there is a line in the log.
 */
export class Alarms implements Disposable {
  readonly #options: AlarmsOptions;
  readonly #retelling: NodeJS.Timeout;

  constructor(options: AlarmsOptions) {
    this.#options = options;
    this.#retelling = setInterval(() => this.#retell(), RETELL_MS).unref();
    this.#retell();
  }

  /** Raises an alarm, unless it stands. To be called for what is not tried again, never for each attempt. */
  raise(alarm: Alarm): void {
    const { site, redis, background, log, redact } = this.#options;
    const now = new Date();
    // Before texts are cut: half a secret would not be known for one.
    const clean = { ...alarm, reason: redact(alarm.reason), safe: redact(alarm.safe) };
    const notification = describeAlarm(clean, site, now);
    const { kind, database, name } = alarm;
    const raised: AlarmRecord = {
      version: 1,
      kind,
      database,
      raisedAt: now.toISOString(),
      sinceMs: (alarm.since ?? now).getTime(),
      isTold: false,
      tellingUntilMs: 0,
      notification,
    };
    background.run('raise an alarm', async (signal) => {
      const changed = await changeAlarm(redis, site, alarm, (known) => decideRaise(known, raised, Date.now())).catch(
        (error: unknown) => {
          log.error(
            { alarm: kind, database, name },
            `not notified, because Redis is needed for it: ${notification.title}`,
          );
          throw error;
        },
      );
      if (changed === undefined) return;
      if (changed.before === undefined)
        log.error({ alarm: kind, database, name }, `alarm raised: ${notification.title}`);
      if (changed.tell && changed.after !== undefined) await this.#tell(changed.after, signal);
    });
  }

  /** Ends an alarm that stands, if what recovered is newer than what failed. */
  lift(kind: AlarmKind, database: string, recovery: Recovery): void {
    const { site, redis, background, log, redact, endpoints } = this.#options;
    background.run('lift an alarm', async (signal) => {
      const changed = await changeAlarm(redis, site, { kind, database }, (known) =>
        decideLift(known, recovery.at, Date.now()),
      );
      if (changed?.before === undefined) return;
      const { raisedAt } = changed.before;
      const clean = { ...recovery, happened: redact(recovery.happened) };
      const notification = describeRecovery(kind, database, clean, { site, raisedAt, now: new Date() });
      log.info({ alarm: kind, database, name: recovery.name }, `alarm lifted: ${notification.title}`);
      if (changed.tell) this.#logFaults(await notify(endpoints, notification, signal));
    });
  }

  /** Those that stand, the oldest first. @throws RetryableError if Redis does not answer */
  standing(): Promise<readonly AlarmRecord[]> {
    return readAlarms(this.#options.redis, this.#options.site);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#retelling);
  }

  #retell(): void {
    const { site, redis, background, endpoints } = this.#options;
    if (endpoints.length === 0) return;
    background.run('tell of alarms that nobody has taken', async (signal) => {
      for (const { kind, database, isTold } of await this.standing()) {
        if (isTold) continue;
        const decide = (known: AlarmRecord | undefined) => decideRetell(known, Date.now());
        const changed = await changeAlarm(redis, site, { kind, database }, decide);
        if (changed?.after !== undefined) await this.#tell(changed.after, signal);
      }
    });
  }

  async #tell(record: AlarmRecord, signal: AbortSignal): Promise<void> {
    const { site, redis, endpoints } = this.#options;
    const deliveries = await notify(endpoints, record.notification, signal);
    this.#logFaults(deliveries);
    // One who knows is enough: the others would be told twice, and whoever hangs would have all told for ever.
    if (deliveries.every(({ fault }) => fault !== undefined)) return;
    await changeAlarm(redis, site, record, (known) => decideTold(known, record.raisedAt));
  }

  #logFaults(deliveries: Awaited<ReturnType<typeof notify>>): void {
    const { log, redact } = this.#options;
    for (const { name, fault } of deliveries)
      if (fault !== undefined) log.warn({ endpoint: redact(name), err: redact(fault) }, 'a notification was not taken');
  }
}
