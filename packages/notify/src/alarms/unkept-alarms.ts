import type { AlarmRecord } from './alarm-record.ts';

type Key = Pick<AlarmRecord, 'kind' | 'database'>;
type Entry = {
  readonly record: AlarmRecord;
  /** `undefined`: it waits to be told. */
  readonly toldAtMs: number | undefined;
};

const HOUR_MS = 60 * 60_000;
/** Until one that stands still is told again. */
const AGAIN_AFTER_MS = 6 * HOUR_MS;
const MOST_AN_HOUR = 20;
const MOST_WAITING = 500;

/**
 * What a process tells while Redis keeps no alarms, and remembers by itself: each alarm once in six hours, and of all of them
 * twenty an hour. The others wait. Times are of any clock that only goes forward, in milliseconds.
 */
export class UnkeptAlarms {
  readonly #entries = new Map<string, Entry>();
  #sentAtMs: readonly number[] = [];

  /** Whether to tell it `now`, or `later`, when it is raised again; `no`: it was told, or waits already. */
  admit(record: AlarmRecord, nowMs: number): 'now' | 'later' | 'no' {
    this.#forgetOld(nowMs);
    const known = this.#entries.get(keyOf(record));
    if (known?.toldAtMs !== undefined) return 'no';
    if (this.#sentAtMs.length < MOST_AN_HOUR) {
      this.#sentAtMs = [...this.#sentAtMs, nowMs];
      this.remember(record, nowMs);
      return 'now';
    }
    if (known !== undefined || this.waiting().length >= MOST_WAITING) return 'no';
    this.#entries.set(keyOf(record), { record, toldAtMs: undefined });
    return 'later';
  }

  /** To be called for one that was told. */
  remember(record: AlarmRecord, nowMs: number): void {
    this.#entries.set(keyOf(record), { record, toldAtMs: nowMs });
  }

  /** To be called for one that nobody took: it waits. */
  fail(record: AlarmRecord): void {
    if (this.#entries.has(keyOf(record))) this.#entries.set(keyOf(record), { record, toldAtMs: undefined });
  }

  isTold(key: Key, nowMs: number): boolean {
    this.#forgetOld(nowMs);
    return this.#entries.get(keyOf(key))?.toldAtMs !== undefined;
  }

  waiting(): readonly AlarmRecord[] {
    return [...this.#entries.values()].filter(({ toldAtMs }) => toldAtMs === undefined).map(({ record }) => record);
  }

  /** To be called once Redis keeps it. */
  drop(key: Key): void {
    this.#entries.delete(keyOf(key));
  }

  /** Ends one by what is newer. @returns it, if it was told */
  end(key: Key, at: Date): AlarmRecord | undefined {
    const known = this.#entries.get(keyOf(key));
    if (known === undefined || at.getTime() < known.record.sinceMs) return undefined;
    this.#entries.delete(keyOf(key));
    return known.toldAtMs === undefined ? undefined : known.record;
  }

  #forgetOld(nowMs: number): void {
    this.#sentAtMs = this.#sentAtMs.filter((at) => nowMs - at < HOUR_MS);
    for (const [key, { toldAtMs }] of this.#entries)
      if (toldAtMs !== undefined && nowMs - toldAtMs >= AGAIN_AFTER_MS) this.#entries.delete(key);
  }
}

function keyOf({ kind, database }: Key): string {
  return `${kind}:${database}`;
}
