import { z } from 'zod';
import { backupNameSchema, type BackupName } from './backup-name.ts';

/**
 * `NAME.accepted.json`: a person's word that a suspect dump is as it should be. It counts from then on, and later dumps are
 * compared with it.
 */
export const acceptanceSchema = z.strictObject({
  version: z.literal(1),
  name: backupNameSchema,
  /** The dump's. A dump of the same name and other content is not accepted. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  acceptedAt: z.iso.datetime(),
  /** The words of the person who accepted it. */
  reason: z.string().optional(),
});

export type Acceptance = z.infer<typeof acceptanceSchema>;

export function acceptanceFileName(name: BackupName): string {
  return `${name}.accepted.json`;
}
