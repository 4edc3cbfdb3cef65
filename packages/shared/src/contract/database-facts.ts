import { z } from 'zod';

const sqlNameSchema = z.string().min(1);

/**
 * Facts that a database states of itself at one moment: at its source, in the snapshot of a dump, and again where that dump was
 * restored. The same queries ask both, so both are equal if the dump holds all.
 *
 * Names of tables and sequences are SQL names with their schema, quoted where they must be (`public."Order Lines"`).
 */
export const databaseFactsSchema = z.strictObject({
  /** Size on the server's disk. */
  databaseBytes: z.int().nonnegative(),
  encoding: z.string().min(1),
  collate: z.string(),
  ctype: z.string(),
  /** Sorts texts, and knows their capitals. Servers before version 15 know libc alone, and do not name it. */
  localeProvider: z.enum(['libc', 'icu', 'builtin']).optional(),
  /** The provider's locale; libc goes by `collate` and `ctype`. */
  locale: z.string().optional(),
  icuRules: z.string().optional(),
  /** Versions by name. */
  extensions: z.record(z.string(), z.string()),
  /** Tables that belong to extensions, by the name of the extension: a dump leaves it to the extension to make them. */
  extensionTables: z.record(z.string(), z.array(sqlNameSchema)).optional(),
  /** How rows were counted: each table read, the planner's estimate taken, or not at all. */
  counted: z.enum(['exact', 'estimate', 'off']),
  /** Why they were not counted as they were meant to be. */
  countedBecause: z.string().optional(),
  /** Rows by table. A table that could not be counted is not in it. */
  tables: z.record(sqlNameSchema, z.int().nonnegative()),
  /**
   * The value that comes next, before and after the dump: sequences belong to no snapshot. Decimal digits, because they are
   * larger than what a number holds.
   */
  sequences: z.record(sqlNameSchema, z.tuple([z.string().regex(/^-?\d+$/), z.string().regex(/^-?\d+$/)])),
  largeObjects: z.int().nonnegative(),
  /**
   * Every object that a dump makes, by its kind and name (`table public.users`), with the parts of its description (columns,
   * constraints, indexes, and so on) and the first 8 hexadecimal digits of each part's SHA-256. Version 0.1 kept one digest for all.
   */
  objects: z.record(z.string(), z.union([z.record(z.string(), z.string().regex(/^[0-9a-f]{8}$/)), z.string()])),
  /** Version of the queries that described the objects; version 0.1 did not say. */
  descriptionVersion: z.int().optional(),
  /** SHA-256 of all objects and their digests. */
  schemaSha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Contents that pg_dump leaves out whatever its options are, a sentence each. */
  losses: z.array(z.string()).optional(),
  /** Why the dump need not hold all of this: options of pg_dump that leave things out. */
  limitedBy: z.string().optional(),
});

export type DatabaseFacts = z.infer<typeof databaseFactsSchema>;
