import { z } from 'zod';

const settingSchema = z.strictObject({
  name: z.string().min(1),
  value: z.string(),
  /** The role whose sessions with the database have it; all of them where it is absent. */
  role: z.string().optional(),
});

const roleSchema = z.strictObject({
  name: z.string().min(1),
  isSuperuser: z.literal(true).optional(),
  /** Row-level security does not apply to it. */
  bypassesRowSecurity: z.literal(true).optional(),
  /** Roles whose rights it has. */
  memberOf: z.array(z.string().min(1)).optional(),
  /** Objects that it owns, and that only a superuser may own: the first few, as in `event trigger audit`. */
  ownsAsSuperuser: z.array(z.string()).optional(),
});

export type NeededRole = z.infer<typeof roleSchema>;

/** Things that a dump takes for granted where it is restored, and does not hold. */
export const dumpNeedsSchema = z.strictObject({
  /** Settings of `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET`. */
  settings: z.array(settingSchema),
  /** `lc_monetary` of the session that dumps: values of the type money are written and read by it. */
  monetaryLocale: z.string(),
  /** How that session writes an amount; absent where no table has money, and from the manifest of a version that did not ask. */
  money: z.strictObject({ written: z.string(), amount: z.string().regex(/^-?[\d.]+$/) }).optional(),
  /**
   * A table is partitioned by the hash of what holds an enum. That hash is another one on each server, so the dump fills partitioned
   * tables at their roots. pg_dump itself sees no further than an enum that is the key.
   */
  isHashedByOid: z.literal(true).optional(),
  /** Tablespaces besides the database's own that its tables and indexes lie in. */
  tablespaces: z.array(z.string().min(1)),
  /** The extensions by their names. */
  extensions: z.record(z.string().min(1), z.strictObject({ version: z.string(), schema: z.string() })).optional(),
  /** The database's owner. */
  owner: z.string().optional(),
  /**
   * Roles that the dump names and, after them, those whose rights they have. A role with none of these facts is left out. Absent
   * from the manifest of a version that did not ask.
   */
  roles: z.array(roleSchema).optional(),
  /** Objects that only a superuser may create: the first few, as in `foreign-data wrapper files`. */
  madeBySuperuser: z.array(z.string()).optional(),
});

export type DumpNeeds = z.infer<typeof dumpNeedsSchema>;
