import { z } from 'zod';

const settingSchema = z.strictObject({
  name: z.string().min(1),
  value: z.string(),
  /** The role whose sessions with the database have it; all of them where it is absent. */
  role: z.string().optional(),
});

/** What a dump takes for granted where it is restored, and does not hold. */
export const dumpNeedsSchema = z.strictObject({
  /** What `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET` have set. */
  settings: z.array(settingSchema),
  /** `lc_monetary` of the session that dumps: values of the type money are written and read by it. */
  monetaryLocale: z.string(),
  /** Tablespaces besides the database's own that its tables and indexes lie in. */
  tablespaces: z.array(z.string().min(1)),
  /** The extensions by their names. */
  extensions: z.record(z.string().min(1), z.strictObject({ version: z.string(), schema: z.string() })).optional(),
});

export type DumpNeeds = z.infer<typeof dumpNeedsSchema>;
