import type { KeepPeriods, Period } from '@pgstow/shared/config/values/keep-variables.ts';

/** The parts of a local time that a period is told by. */
type LocalTime = { readonly year: number; readonly month: number; readonly day: number; readonly hour: number };

export type PeriodReason = { readonly period: Period; readonly reason: string };

const DAY_MS = 24 * 60 * 60 * 1000;

/** Name of the period that a local time lies in; an hour that clocks repeat in autumn is one. */
const NAMES: Readonly<Record<Period, (time: LocalTime) => string>> = {
  hourly: (time) => `${dateOf(time)} ${two(time.hour)}h`,
  daily: dateOf,
  weekly: weekOf,
  monthly: ({ year, month }) => `${year}-${two(month)}`,
  yearly: ({ year }) => String(year),
};

/**
 * Says which dumps stay because they are the newest of an hour, day, week, month or year. As in restic, a period without a dump does
 * not count, and while there are fewer periods than wanted, the oldest dump stays as well.
 * Source: https://restic.readthedocs.io/en/stable/060_forget.html
 *
 * @param takenAt times of dumps in ISO 8601, newest first
 * @param timeZone in which days begin; weeks begin on Monday, as in ISO 8601
 * @returns for each dump, in the same order, the first period that keeps it, and why; `undefined` where none does
 */
export function whyPeriodsKeep(
  takenAt: readonly string[],
  keep: KeepPeriods,
  timeZone: string,
): readonly (PeriodReason | undefined)[] {
  const wanted = Object.entries(keep).filter((each): each is [Period, number] => each[1] > 0);
  if (wanted.length === 0) return takenAt.map(() => undefined);
  const localTimeOf = localTimesIn(timeZone);
  const rules = wanted.map(([period, count]) => ({ period, count, kept: 0, last: '' }));
  return takenAt.map((time, index) => {
    const local = localTimeOf(time);
    const reasons: PeriodReason[] = [];
    for (const rule of rules) {
      const name = NAMES[rule.period](local);
      const isNewest = name !== rule.last;
      if (rule.kept >= rule.count || !(isNewest || index === takenAt.length - 1)) continue;
      rule.kept += 1;
      rule.last = name;
      const reason = isNewest
        ? `it is the newest of ${name}, ${rule.kept} of ${rule.count} ${rule.period} ones`
        : `it is the oldest, and there are fewer than ${rule.count} ${rule.period} ones`;
      reasons.push({ period: rule.period, reason });
    }
    return reasons[0];
  });
}

/** Says it as in `7 days, 4 weeks`; empty where no period is kept. */
export function describePeriods(keep: KeepPeriods): string {
  const units = { hourly: 'hour', daily: 'day', weekly: 'week', monthly: 'month', yearly: 'year' } as const;
  return Object.entries(units)
    .map(([period, unit]) => [keep[period as Period], unit] as const)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}${count === 1 ? '' : 's'}`)
    .join(', ');
}

function localTimesIn(timeZone: string): (time: string) => LocalTime {
  const format = new Intl.DateTimeFormat('en', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
  });
  return (time) => {
    const parts = Object.fromEntries(format.formatToParts(Date.parse(time)).map(({ type, value }) => [type, value]));
    return {
      year: Number(parts['year']),
      month: Number(parts['month']),
      day: Number(parts['day']),
      hour: Number(parts['hour']),
    };
  };
}

function dateOf({ year, month, day }: LocalTime): string {
  return `${year}-${two(month)}-${two(day)}`;
}

/** A week belongs to the year that its Thursday lies in. */
function weekOf({ year, month, day }: LocalTime): string {
  const date = new Date(Date.UTC(year, month - 1, day));
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * DAY_MS);
  const days = (thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / DAY_MS;
  return `${thursday.getUTCFullYear()}-W${two(1 + Math.floor(days / 7))}`;
}

const two = (number: number): string => String(number).padStart(2, '0');
