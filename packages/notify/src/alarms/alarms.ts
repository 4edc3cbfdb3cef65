import type { NotifyEndpoint } from '@pgstow/shared/config/values/notify-url.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import type { Redact } from '@pgstow/shared/runtime/log/redact.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import type { Background } from '../background.ts';
import { notify } from '../channels/notify.ts';
import type { AlarmKind } from '../notification.ts';
import { alarmDestination } from './alarm-field.ts';
import { describeAlarm, describeRecovery, type Alarm, type Recovery } from './alarm-notification.ts';
import { decideLift, decideRaise, decideResend, decideSent, type AlarmRecord } from './alarm-record.ts';
import { changeAlarm, readAlarms } from './alarm-state.ts';
import { UnkeptAlarms } from './unkept-alarms.ts';

export type AlarmsOptions = {
  readonly site: string;
  readonly redis: RedisConnection;
  readonly endpoints: readonly NotifyEndpoint[];
  readonly background: Background;
  readonly log: Log;
  readonly redact: Redact;
};

/** The alarms of one server. */
export type ServerAlarms = Pick<Alarms, 'raise' | 'lift' | 'standing'>;

/** Interval of sending alarms that no endpoint has taken: the network that fails an upload also fails its alarm. */
const RESEND_MS = 5 * 60_000;

/**
 * The alarms of a site. Each is raised once and lifted once, whichever worker sees it, and stands in Redis in between. Sending
 * delays and fails nothing. While Redis is away, full or a replica and keeps no alarms, each process sends those that it sees at
 * a bounded rate, so several may send the same.
 */
export class Alarms implements Disposable {
  readonly #options: AlarmsOptions;
  readonly #resending: NodeJS.Timeout;
  readonly #unkept = new UnkeptAlarms();

  constructor(options: AlarmsOptions) {
    this.#options = options;
    this.#resending = setInterval(() => this.#resend(), RESEND_MS).unref();
    this.#resend();
  }

  /** Raises an alarm, unless it stands. Only for a fault that is not tried again, never for each attempt. */
  raise(alarm: Alarm): void {
    const { site, background, redact } = this.#options;
    const now = new Date();
    // Before texts are cut: `redact` does not recognise half a secret.
    const hint = alarm.hint && redact(alarm.hint);
    const destination = alarmDestination(alarm.destination);
    const clean = { ...alarm, destination, reason: redact(alarm.reason), hint, safe: redact(alarm.safe) };
    const notification = describeAlarm(clean, site, now);
    const { kind, server, database } = alarm;
    const raised: AlarmRecord = {
      version: 1,
      kind,
      server,
      database,
      destination,
      raisedAt: now.toISOString(),
      sinceMs: (alarm.since ?? now).getTime(),
      isTold: false,
      tellingUntilMs: 0,
      reason: clean.reason,
      notification,
    };
    background.run('raise an alarm', (signal) => this.#raise(raised, signal));
  }

  /** Ends a standing alarm, if the recovery is newer than the fault. */
  lift(kind: AlarmKind, database: string, recovery: Recovery, server?: string): void {
    const { site, redis, background, log, redact, endpoints } = this.#options;
    background.run('lift an alarm', async (signal) => {
      const key = { kind, server, database, destination: alarmDestination(recovery.destination) };
      const unkept = this.#unkept.end(key, recovery.at);
      const changed = await changeAlarm(redis, site, key, (known) => decideLift(known, recovery.at, Date.now())).catch(
        (error: unknown) => {
          if (unkept === undefined) throw error;
        },
      );
      // Its end would be sent again and again.
      if (changed?.fault !== undefined && unkept === undefined) throw changed.fault;
      const before = changed?.before ?? unkept;
      if (before === undefined) return;
      const { raisedAt } = before;
      const clean = { ...recovery, happened: redact(recovery.happened) };
      const notification = describeRecovery(key, clean, { site, raisedAt, now: new Date() });
      log.info({ alarm: kind, server, database, name: recovery.name }, `alarm lifted: ${notification.title}`);
      if (changed?.isToSend === true || unkept !== undefined)
        this.#logFaults(await notify(endpoints, notification, signal));
    });
  }

  /** The alarms of one server; `undefined` for that of stack.env. */
  of(server: string | undefined): ServerAlarms {
    return {
      raise: (alarm) => this.raise({ ...alarm, server }),
      lift: (kind, database, recovery) => this.lift(kind, database, recovery, server),
      standing: async () => (await this.standing()).filter((record) => record.server === server),
    };
  }

  /** Standing alarms, oldest first. @throws RetryableError if Redis does not answer */
  standing(): Promise<readonly AlarmRecord[]> {
    return readAlarms(this.#options.redis, this.#options.site);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#resending);
  }

  async #raise(raised: AlarmRecord, signal: AbortSignal): Promise<void> {
    const { site, redis, log } = this.#options;
    const { kind, server, database, notification } = raised;
    const changed = await changeAlarm(redis, site, raised, (known) => decideRaise(known, raised, Date.now()));
    if (changed?.fault === undefined && changed?.before === undefined && changed !== undefined)
      log.error({ alarm: kind, server, database, name: notification.name }, `alarm raised: ${notification.title}`);
    if (changed?.isToSend === true && changed.after !== undefined)
      await this.#send(changed.after, signal, changed.fault);
    if (changed?.fault === undefined) this.#unkept.drop(raised);
  }

  #resend(): void {
    const { site, redis, background, endpoints } = this.#options;
    if (endpoints.length === 0) return;
    background.run('send alarms that no endpoint has taken', async (signal) => {
      for (const raised of this.#unkept.waiting()) await this.#raise(raised, signal);
      for (const record of await this.standing()) {
        if (record.isTold) continue;
        const decide = (known: AlarmRecord | undefined) => decideResend(known, Date.now());
        const changed = await changeAlarm(redis, site, record, decide);
        if (changed?.after !== undefined) await this.#send(changed.after, signal, changed.fault);
      }
    });
  }

  /** @param fault why Redis does not keep the alarm; `undefined`: it does */
  async #send(record: AlarmRecord, signal: AbortSignal, fault: unknown): Promise<void> {
    if (fault !== undefined && !this.#maySendUnkept(record, fault)) return;
    if (fault !== undefined || !this.#unkept.isSent(record, performance.now())) {
      const deliveries = await notify(this.#options.endpoints, record.notification, signal);
      this.#logFaults(deliveries);
      // One endpoint is enough: otherwise one that hangs would have all others sent to again and again.
      if (deliveries.every((each) => each.fault !== undefined)) return this.#unkept.fail(record);
    }
    if (fault === undefined) await this.#noteSent(record);
  }

  #maySendUnkept(record: AlarmRecord, fault: unknown): boolean {
    const { log, redact, endpoints } = this.#options;
    const { kind, server, database, notification } = record;
    const about = { alarm: kind, server, database, name: notification.name, err: redact(describeError(fault)) };
    const admitted = this.#unkept.admit(record, performance.now());
    if (admitted === 'now') log.error(about, `alarm raised, and not kept by Redis: ${notification.title}`);
    if (admitted === 'later') log.error(about, `alarm raised, and sent later, after so many: ${notification.title}`);
    return admitted === 'now' && endpoints.length > 0;
  }

  async #noteSent(record: AlarmRecord): Promise<void> {
    const { site, redis } = this.#options;
    const changed = await changeAlarm(redis, site, record, (known) => decideSent(known, record.raisedAt)).catch(
      (fault: unknown) => ({ fault }),
    );
    if (changed?.fault === undefined) return;
    this.#unkept.remember(record, performance.now());
    throw changed.fault;
  }

  #logFaults(deliveries: Awaited<ReturnType<typeof notify>>): void {
    const { log, redact } = this.#options;
    for (const { name, fault } of deliveries)
      if (fault !== undefined) log.warn({ endpoint: redact(name), err: redact(fault) }, 'a notification was not taken');
  }
}
