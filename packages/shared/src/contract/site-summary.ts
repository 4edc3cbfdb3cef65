import { z } from 'zod';
import { targetNameSchema } from './target.ts';

const count = z.int().nonnegative();

/** How a site's databases stand, in few words: its scheduler writes it each minute, for a page over all sites. */
export const siteSummarySchema = z.object({
  version: z.literal(1),
  /** When it was written, by the clock of Redis: the hosts of sites may disagree. */
  writtenAt: z.iso.datetime(),
  /** The version of pgstow that wrote it. */
  pgstow: z.string(),
  databases: z.object({ total: count, protected: count, notYet: count, notProtected: count }),
  /** When the newest confirmed backup of any database was taken. */
  newestBackupAt: z.iso.datetime().optional(),
  /** Databases that are not protected, and why; not all of very many. */
  notProtected: z.array(
    z.object({ server: z.string().optional(), database: targetNameSchema, reasons: z.array(z.string()) }),
  ),
  /** Faults of the whole site, a sentence each. */
  faults: z.array(z.string()),
  /** Alarms that stand. */
  alarms: count,
});

export type SiteSummary = z.infer<typeof siteSummarySchema>;

/** A site that Redis knows, with its summary, or why that cannot be read. */
export type KnownSite = { readonly site: string } & (
  | { readonly summary: SiteSummary; readonly writtenMsAgo: number }
  | { readonly fault: string }
);
