import { z } from 'zod';

/** Facts of the globals of a server, at the moment of their dump. */
export const globalsFactsSchema = z.strictObject({
  /** Whether the dump holds the passwords of the roles. */
  hasPasswords: z.boolean(),
  /**
   * Everything that the dump must bring back, as a sentence for each thing: `role "app"` is `LOGIN, CONNECTION LIMIT 5`. Passwords and
   * what a server makes anew for itself (oids) are left out.
   */
  facts: z.record(z.string(), z.string()),
});

export type GlobalsFacts = z.infer<typeof globalsFactsSchema>;
