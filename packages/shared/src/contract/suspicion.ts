import { z } from 'zod';

/** Why a dump is suspect: how little there is in it beside what its database's last good dumps had. */
export const suspicionSchema = z.strictObject({
  /** Of their SQL. */
  percent: z.int().nonnegative(),
  /** Size of their SQL: the median. */
  usualSqlBytes: z.int().positive(),
  /** Where this dump has no row at all: how many they had, the median. */
  usualRows: z.int().positive().optional(),
});

export type Suspicion = z.infer<typeof suspicionSchema>;
