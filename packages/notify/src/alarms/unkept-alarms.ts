import { alarmField, type AlarmKey } from './alarm-field.ts';
import type { AlarmRecord } from './alarm-record.ts';

type Entry = {
  readonly record: AlarmRecord;
  /** `undefined`: it waits to be sent. */
  readonly sentAtMs: number | undefined;
};

const HOUR_MS = 60 * 60_000;
/** After that, a standing alarm is sent again. */
const AGAIN_AFTER_MS = 6 * HOUR_MS;
const MOST_AN_HOUR = 20;
const MOST_WAITING = 500;

/**
 * Alarms that a process remembers while Redis keeps none. It sends each once in six hours, and twenty an hour in all; the others
 * wait. Times are milliseconds of any clock that only goes forward.
 */
export class UnkeptAlarms {
  readonly #entries = new Map<string, Entry>();
  #sendTimesMs: readonly number[] = [];

  /** Whether to send it `now`, or `later`, when it is raised again; `no`: it was sent, or already waits. */
  admit(record: AlarmRecord, nowMs: number): 'now' | 'later' | 'no' {
    this.#forgetOld(nowMs);
    const known = this.#entries.get(alarmField(record));
    if (known?.sentAtMs !== undefined) return 'no';
    if (this.#sendTimesMs.length < MOST_AN_HOUR) {
      this.#sendTimesMs = [...this.#sendTimesMs, nowMs];
      this.remember(record, nowMs);
      return 'now';
    }
    if (known !== undefined || this.waiting().length >= MOST_WAITING) return 'no';
    this.#entries.set(alarmField(record), { record, sentAtMs: undefined });
    return 'later';
  }

  /** Notes that an alarm was sent. */
  remember(record: AlarmRecord, nowMs: number): void {
    this.#entries.set(alarmField(record), { record, sentAtMs: nowMs });
  }

  /** Notes that no endpoint took an alarm: it waits. */
  fail(record: AlarmRecord): void {
    if (this.#entries.has(alarmField(record))) this.#entries.set(alarmField(record), { record, sentAtMs: undefined });
  }

  isSent(key: AlarmKey, nowMs: number): boolean {
    this.#forgetOld(nowMs);
    return this.#entries.get(alarmField(key))?.sentAtMs !== undefined;
  }

  waiting(): readonly AlarmRecord[] {
    return [...this.#entries.values()].filter(({ sentAtMs }) => sentAtMs === undefined).map(({ record }) => record);
  }

  /** Forgets an alarm that Redis keeps. */
  drop(key: AlarmKey): void {
    this.#entries.delete(alarmField(key));
  }

  /** Ends an alarm by a newer event. @returns the alarm, if it was sent */
  end(key: AlarmKey, at: Date): AlarmRecord | undefined {
    const known = this.#entries.get(alarmField(key));
    if (known === undefined || at.getTime() < known.record.sinceMs) return undefined;
    this.#entries.delete(alarmField(key));
    return known.sentAtMs === undefined ? undefined : known.record;
  }

  #forgetOld(nowMs: number): void {
    this.#sendTimesMs = this.#sendTimesMs.filter((at) => nowMs - at < HOUR_MS);
    for (const [key, { sentAtMs }] of this.#entries)
      if (sentAtMs !== undefined && nowMs - sentAtMs >= AGAIN_AFTER_MS) this.#entries.delete(key);
  }
}
