import { z } from 'zod';
import { sourceIdentitySchema } from './source-identity.ts';

const count = z.int().nonnegative();

/** Why a dump is suspect: how little there is in it beside what its database's last good dumps had, or that it is of another source. */
export const suspicionSchema = z
  .strictObject({
    /** Of their SQL, where it has too little. */
    percent: count.optional(),
    /** Size of their SQL: what is usual. */
    usualSqlBytes: z.int().positive().optional(),
    /** Rows in all their tables, where this dump has far fewer: what is usual. */
    usualRows: z.int().positive().optional(),
    /** Rows in all tables of this dump, where they are far fewer; none, unless given. */
    rows: count.optional(),
    /** Tables that had rows in each of them and have none now, or are gone, with the rows of the last one. */
    lostTables: z.record(z.string(), z.int().positive()).optional(),
    /** What the last dump that counts is of, where this one is of another source. */
    otherSource: sourceIdentitySchema.optional(),
  })
  .refine(
    ({ percent, usualSqlBytes }) => (percent === undefined) === (usualSqlBytes === undefined),
    'half a comparison',
  )
  .refine(({ percent, otherSource }) => percent !== undefined || otherSource !== undefined, 'no reason');

export type Suspicion = z.infer<typeof suspicionSchema>;
