import { z } from 'zod';

/** Names a finding: the first 16 hexadecimal digits of a SHA-256 of what differs and how. */
export const findingKeySchema = z.string().regex(/^[0-9a-f]{16}$/, 'the key of a finding is 16 hexadecimal digits');

/** Something that a restored dump has otherwise than its manifest says. */
export type Finding = {
  /** The same for the same difference in another dump of the database; another one if that object differs in another way. */
  readonly key: string;
  /** The difference, in a sentence. */
  readonly difference: string;
};
