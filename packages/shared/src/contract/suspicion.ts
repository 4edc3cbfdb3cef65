import { z } from 'zod';
import { sourceIdentitySchema } from './source-identity.ts';

const count = z.int().nonnegative();

/** Why a dump is suspect: it has far less than the last good dumps of its database, or it is of another source. */
export const suspicionSchema = z
  .strictObject({
    /** Its SQL as a percentage of theirs, where it has too little. */
    percent: count.optional(),
    /** Size of their SQL. */
    usualSqlBytes: z.int().positive().optional(),
    /** Rows in all their tables, where this dump has far fewer. */
    usualRows: z.int().positive().optional(),
    /** Rows in all tables of this dump, where they are far fewer; none, unless given. */
    rows: count.optional(),
    /** Tables that had rows in each of them and have none now, or are gone, with the rows of the last one. */
    lostTables: z.record(z.string(), z.int().positive()).optional(),
    /** The source of the last dump that counts, where this one has another. */
    otherSource: sourceIdentitySchema.optional(),
  })
  .refine(
    ({ percent, usualSqlBytes }) => (percent === undefined) === (usualSqlBytes === undefined),
    'half a comparison',
  )
  .refine(({ percent, otherSource }) => percent !== undefined || otherSource !== undefined, 'no reason');

export type Suspicion = z.infer<typeof suspicionSchema>;
