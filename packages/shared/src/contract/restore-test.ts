import { z } from 'zod';
import { backupNameSchema, type BackupName } from './backup-name.ts';
import { findingKeySchema } from './finding.ts';
import { destinationNameSchema } from './target.ts';

/** Stands in place of a destination for the backup folder. */
export const LOCAL = 'local';

/** The places whose copies are tested: each destination or, where there is none, the backup folder. */
export function placeNames(destinations: Iterable<{ readonly name: string }>): readonly string[] {
  const names = Array.from(destinations, ({ name }) => name);
  return names.length === 0 ? [LOCAL] : names;
}

/**
 * `good`: restored, and equal to what its manifest says. `bad`: it does not restore, or what was restored differs.
 * `could-not-tell`: no verdict on the dump, for a reason that lies elsewhere (no room, no server of its version).
 */
export const restoreTestResults = ['good', 'bad', 'could-not-tell'] as const;
export type RestoreTestResult = (typeof restoreTestResults)[number];

/**
 * A dump that was found good, restored into another major version of PostgreSQL as well. It changes no verdict.
 *
 * `survives`: all of it is there. `differs`: what `findings` names is not, or is otherwise. `not-made`: for the reason that it says.
 */
const rehearsalSchema = z.strictObject({
  major: z.int().positive(),
  result: z.enum(['survives', 'differs', 'not-made']),
  /** Why it was not made, in one sentence. */
  reason: z.string().optional(),
  /** Things that would not survive, a sentence each; only the first ones of very many. */
  findings: z.array(z.string()),
  findingCount: z.int().nonnegative(),
  /** The other server's. */
  serverVersion: z.string().optional(),
  restoreMs: z.int().nonnegative().optional(),
});

export type Rehearsal = z.infer<typeof rehearsalSchema>;

/** `NAME.<destination>.restore-test.json`: the result of restoring a dump, as it lies at a destination, into a scratch server. */
export const restoreTestSchema = z.strictObject({
  version: z.literal(1),
  name: backupNameSchema,
  /** A destination, or `local`. */
  destination: destinationNameSchema,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  result: z.enum(restoreTestResults),
  /** Why it is `bad` or `could-not-tell`, in one sentence. */
  reason: z.string().optional(),
  /** Differences from the manifest, a sentence each; only the first ones of very many. */
  differences: z.array(z.string()),
  /** Number of differences in all. */
  differenceCount: z.int().nonnegative(),
  /**
   * Keys of what differs, in the order of the differences, and of all of it unless it is very much. Absent where the dump itself
   * is at fault (it is damaged, or does not restore), and from a record of an earlier version.
   */
  findings: z.array(findingKeySchema).optional(),
  /** Own checks that could not be run, a sentence each; the dump is not good without them. Absent if there are none. */
  unchecked: z.array(z.string()).optional(),
  /** The dump is encrypted, and was tested without an identity: what can be proven then. With it, `could-not-tell` says that this is right. */
  isSealed: z.literal(true).optional(),
  /** Comparisons that were not possible, and what else is worth knowing, a sentence each. */
  notes: z.array(z.string()),
  /** When a person accepted the last of what differs. Each accepted difference is a note. */
  acceptedAt: z.iso.datetime().optional(),
  testedAt: z.iso.datetime(),
  /** Duration of the whole test. */
  durationMs: z.int().nonnegative(),
  /** Time from the first byte into the scratch server to the commit: what a restore takes here. */
  restoreMs: z.int().nonnegative().optional(),
  tables: z.int().nonnegative().optional(),
  rows: z.int().nonnegative().optional(),
  /** The scratch server's. */
  serverVersion: z.string().optional(),
  /** Number of the user's own checks that were run. */
  checks: z.int().nonnegative().optional(),
  /** Absent where VERIFY_REHEARSE asks for none, and from a record of an earlier version. */
  rehearsal: rehearsalSchema.optional(),
});

export type RestoreTest = z.infer<typeof restoreTestSchema>;

export function restoreTestFileName(name: BackupName, destination: string): string {
  return `${name}.${destination}.restore-test.json`;
}
