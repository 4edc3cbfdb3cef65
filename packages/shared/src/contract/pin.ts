import { z } from 'zod';
import { backupNameSchema, type BackupName } from './backup-name.ts';

/**
 * `NAME.pinned.json`: a person's word that a backup stays, in the folder and at every destination, until it is unpinned. The dump
 * itself need not be in the folder.
 */
export const pinSchema = z.strictObject({
  version: z.literal(1),
  name: backupNameSchema,
  pinnedAt: z.iso.datetime(),
  /** The words of the person who pinned it. */
  reason: z.string().optional(),
  /** When a person took the word back. The record stays, so that its copy at a destination can be told to be outdated. */
  unpinnedAt: z.iso.datetime().optional(),
});

export type Pin = z.infer<typeof pinSchema>;

export function pinFileName(name: BackupName): string {
  return `${name}.pinned.json`;
}
