import type { Finding } from '@pgstow/shared/contract/finding.ts';

/** A restored dump, compared with its manifest. */
export type Compared = {
  /** All that differs from the manifest. */
  readonly findings: readonly Finding[];
  /** Comparisons that were not possible, and what else is worth knowing, a sentence each. */
  readonly notes: readonly string[];
  readonly restoreMs: number;
  readonly tables: number;
  readonly rows: number;
  readonly serverVersion: string;
  /** Number of own checks that were run; `undefined` without VERIFY_CHECKS. */
  readonly checks: number | undefined;
  /** Own checks that could not be run, a sentence each: without them the verdict is not known. */
  readonly unchecked: readonly string[];
};
