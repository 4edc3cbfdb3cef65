import { z } from 'zod';
import { databaseNameSchema } from './target.ts';

const foundDatabaseSchema = z.strictObject({
  database: databaseNameSchema,
  /** Its oid in its server, by which it is known again under another name; absent if nothing was found before it was gone. */
  oid: z.int().positive().optional(),
  firstSeenAt: z.iso.datetime(),
  lastSeenAt: z.iso.datetime(),
  /** When a look first missed it; absent while it is there. Its backups stay until a person releases them. */
  goneSince: z.iso.datetime().optional(),
  /** Its name since then, if it is gone because it was renamed. */
  renamedTo: databaseNameSchema.optional(),
});

export type FoundDatabase = z.infer<typeof foundDatabaseSchema>;

/** `databases.json` in the backup folder: what the patterns in POSTGRES_DB have found. The dump worker writes it. */
export const foundDatabasesSchema = z.strictObject({
  version: z.literal(1),
  /** When the server last said which databases it has. */
  lookedAt: z.iso.datetime(),
  /** The server's; see `SourceIdentity`. */
  systemIdentifier: z.string().optional(),
  /** In the order of their names. */
  databases: z.array(foundDatabaseSchema),
});

export type FoundDatabases = z.infer<typeof foundDatabasesSchema>;

export const FOUND_DATABASES_FILE = 'databases.json';
