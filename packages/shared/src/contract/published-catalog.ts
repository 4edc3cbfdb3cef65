import { z } from 'zod';
import { backupNameSchema } from './backup-name.ts';
import { foundDatabasesSchema } from './found-databases.ts';
import { folderMedia } from './receipt.ts';
import { restoreTestResults } from './restore-test.ts';
import { sourceIdentitySchema } from './source-identity.ts';
import { suspicionSchema } from './suspicion.ts';
import { destinationNameSchema, targetNameSchema } from './target.ts';

const count = z.int().nonnegative();

/** Reasons why none of a database's dumps is pruned. */
export const freezeCauses = ['clock', 'restore-test', 'shrink', 'unreadable'] as const;
export type FreezeCause = (typeof freezeCauses)[number];

/** A confirmed upload of exactly the content that the manifest describes. */
const publishedReceiptSchema = z.object({
  destination: destinationNameSchema,
  endpoint: z.string().optional(),
  /** Absent of a folder. */
  bucket: z.string().optional(),
  folder: z.string().optional(),
  medium: z.enum(folderMedia).optional().catch(undefined),
  key: z.string(),
  confirmedAt: z.iso.datetime(),
  /** When retention at the destination released the copy. */
  prunedAt: z.iso.datetime().optional(),
});

const publishedRestoreTestSchema = z.object({
  destination: destinationNameSchema,
  result: z.enum(restoreTestResults),
  /** Why it is bad or could not tell, in a sentence. */
  reason: z.string().optional(),
  isSealed: z.literal(true).optional(),
  /** When a person accepted what differs, where that makes it good. */
  acceptedAt: z.iso.datetime().optional(),
  testedAt: z.iso.datetime(),
  restoreMs: count.optional(),
  /** How the rehearsal of an upgrade went, in a sentence. */
  rehearsal: z.string().optional(),
});

/** A dump in short. */
const publishedDumpSchema = z.object({
  name: backupNameSchema,
  takenAt: z.iso.datetime(),
  recordedAt: z.iso.datetime(),
  origin: z.enum(['dumped', 'adopted']),
  bytes: count,
  sha256: z.string(),
  sqlBytes: count,
  /** Rows in all its tables, where they were counted. */
  rows: count.optional(),
  durationMs: count.optional(),
  suspect: suspicionSchema.optional(),
  /** The source, where the manifest names it. */
  identity: sourceIdentitySchema.optional(),
  /** When a person accepted it. */
  acceptedAt: z.iso.datetime().optional(),
  /** When a person pinned it; absent where none did. */
  pinnedAt: z.iso.datetime().optional(),
  receipts: z.array(publishedReceiptSchema),
  restoreTests: z.array(publishedRestoreTestSchema),
});

const publishedDatabaseSchema = z.object({
  database: targetNameSchema,
  /** Oldest first: the newest ones, and what else its health is judged by. */
  dumps: z.array(publishedDumpSchema),
  /** Number and size of all its dumps in the folder. */
  count,
  bytes: count,
  /** The part of those that each destination has confirmed. */
  uploaded: z.array(z.object({ destination: destinationNameSchema, count, bytes: count })),
  /** Dumps that a configured destination has not confirmed; none where backups stay local. */
  notUploaded: z.object({ count, oldestRecordedAt: z.iso.datetime().optional() }),
  /** Why nothing of it is pruned. */
  frozen: z.string().optional(),
  /** A cause that only a newer version knows is none here: the rest still reads. */
  frozenBy: z.enum(freezeCauses).optional().catch(undefined),
});

const publishedFolderSchema = z.object({
  freeBytes: count,
  totalBytes: count,
  /** Files with a dump's name and no manifest. */
  strays: count,
  /** Files that do not count, and why, a sentence each; only the first ones of very many. */
  faults: z.array(z.string()),
  faultCount: count,
});

/**
 * A short copy in Redis of what a site's folder holds, written by its workers, so that a process without a folder can judge and
 * show it. It has only names and numbers, and nothing that is not in the folder.
 */
export const publishedCatalogSchema = z.object({
  version: z.literal(1),
  publishedAt: z.iso.datetime(),
  databases: z.array(publishedDatabaseSchema),
  folder: publishedFolderSchema,
  /** The databases that were found on the server; absent where POSTGRES_DB names them, and before the first look. */
  found: foundDatabasesSchema.optional(),
});

export type PublishedCatalog = z.infer<typeof publishedCatalogSchema>;
export type PublishedDatabase = z.infer<typeof publishedDatabaseSchema>;
export type PublishedDump = z.infer<typeof publishedDumpSchema>;
