import { z } from 'zod';
import { backupNameSchema, isBackupName, type BackupName } from './backup-name.ts';
import { findingKeySchema } from './finding.ts';
import { sourceIdentitySchema } from './source-identity.ts';

const acceptedFindingSchema = z.strictObject({
  key: findingKeySchema,
  /** Its sentence; absent where the record of the test had too many to hold them all. */
  difference: z.string().optional(),
});

/**
 * `accepted_<database>_<YYYYMMDD>_<HHMMSS>.json`, or `accepted-globals_…`: a person's word that what a restore test found in that dump is no fault. It
 * stays when the dump is pruned, because later dumps of the database have the same findings.
 */
export const findingsAcceptanceSchema = z.strictObject({
  version: z.literal(1),
  /** The dump that was tested. */
  name: backupNameSchema,
  /** Its source, where its manifest names it. */
  identity: sourceIdentitySchema.optional(),
  /** The acceptances, oldest first: another test of the dump may find more. */
  words: z
    .array(
      z.strictObject({
        acceptedAt: z.iso.datetime(),
        /** The words of the person who accepted it. */
        reason: z.string().min(1),
        findings: z.array(acceptedFindingSchema).min(1),
      }),
    )
    .min(1),
});

export type FindingsAcceptance = z.infer<typeof findingsAcceptanceSchema>;

export function findingsAcceptanceFileName(name: BackupName): string {
  const [, globals = '', rest = '', age = ''] = /^(?:backup|(globals))_(.*)\.sql\.gz(\.age)?$/.exec(name) ?? [];
  return `accepted${globals === '' ? '' : `-${globals}`}_${rest}${age}.json`;
}

/** The dump that an acceptance with this file name was given for; `undefined` if no acceptance is named so. */
export function parseFindingsAcceptanceFileName(file: string): BackupName | undefined {
  // A folder may hold thousands of other files.
  if (!file.startsWith('accepted')) return undefined;
  const name = file
    .replace(/^accepted_(.*?)(\.age)?\.json$/, 'backup_$1.sql.gz$2')
    .replace(/^accepted-(globals_.*?)(\.age)?\.json$/, '$1.sql.gz$2');
  return name !== file && isBackupName(name) ? name : undefined;
}
