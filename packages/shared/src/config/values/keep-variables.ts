import type { z } from 'zod';
import type { Variable } from '../subject.ts';
import { wholeNumber } from './whole-number.ts';

export type Period = 'hourly' | 'daily' | 'weekly' | 'monthly' | 'yearly';
/** Numbers of periods of which the newest dump stays; 0 for none. */
export type KeepPeriods = Readonly<Record<Period, number>>;

/** The part of a retention policy that a person sets for a place. */
export type Keep = {
  /** Newest dumps to keep, at least 1. */
  readonly keepLast: number;
  /** Dumps to keep beyond them. */
  readonly keepPeriods: KeepPeriods;
};

type Last<P extends string> = `${P}_KEEP_LAST`;
type PeriodVariables<P extends string> = Readonly<
  Record<`${P}_KEEP_${Uppercase<Period>}`, Variable<z.ZodDefault<ReturnType<typeof wholeNumber>>>>
>;
type KeepVariables<P extends string> = PeriodVariables<P> &
  Readonly<Record<Last<P>, Variable<z.ZodOptional<ReturnType<typeof wholeNumber>>>>>;

const UNITS = { hourly: 'hour', daily: 'day', weekly: 'week', monthly: 'month', yearly: 'year' } as const;
const PERIODS = Object.keys(UNITS) as readonly Period[];

/** The `PREFIX_KEEP_*` variables that every place takes for periods. @param where as in `in the folder` */
export function periodVariables<const P extends string>(prefix: P, where: string): PeriodVariables<P> {
  return Object.fromEntries(
    Object.entries(UNITS).map(([period, unit]) => [
      `${prefix}_KEEP_${period.toUpperCase()}`,
      {
        schema: wholeNumber('a number', 0, 1_000_000).default(0),
        description: `Number of ${unit}s of which the newest dump stays ${where} as well; ${unit}s without a dump do not count. See \`TZ\`.`,
      },
    ]),
  ) as PeriodVariables<P>;
}

/** The `PREFIX_KEEP_*` variables of a destination, where nothing is deleted unless one of them is set. */
export function keepVariables<const P extends string>(prefix: P): KeepVariables<P> {
  return {
    [`${prefix}_KEEP_LAST`]: {
      schema: wholeNumber('a number', 1, 1_000_000).optional(),
      description: `Number of newest dumps of each database that stay at this destination. Unless this or another \`${prefix}_KEEP_*\` is set, all stay, and pgstow never deletes there.`,
      defaultText: `1 if another \`${prefix}_KEEP_*\` is set; else all stay`,
    },
    ...periodVariables(prefix, 'at this destination'),
  } as KeepVariables<P>;
}

/** The periods of the `PREFIX_KEEP_*` variables. */
export function buildPeriods<const P extends string>(
  prefix: P,
  values: Readonly<Record<`${P}_KEEP_${Uppercase<Period>}`, number>>,
): KeepPeriods {
  const numbers: Readonly<Record<string, number>> = values;
  return Object.fromEntries(
    PERIODS.map((period) => [period, numbers[`${prefix}_KEEP_${period.toUpperCase()}`] ?? 0]),
  ) as KeepPeriods;
}

/** What a destination keeps; `undefined` where no variable is set, and all stays. */
export function buildKeep<const P extends string>(
  prefix: P,
  values: Readonly<Record<`${P}_KEEP_${Uppercase<Period>}`, number> & Record<Last<P>, number | undefined>>,
): Keep | undefined {
  const keepLast = (values as Readonly<Record<string, number | undefined>>)[`${prefix}_KEEP_LAST`];
  const keepPeriods = buildPeriods(prefix, values);
  const isSet = keepLast !== undefined || PERIODS.some((period) => keepPeriods[period] > 0);
  return isSet ? { keepLast: keepLast ?? 1, keepPeriods } : undefined;
}
