import { OwnChecksError } from '@pgstow/postgres/checks/parse-own-checks.ts';
import { isFor, readOwnChecks } from '@pgstow/postgres/checks/read-own-checks.ts';
import { runOwnCheck } from '@pgstow/postgres/checks/run-own-check.ts';
import { makeFinding } from '@pgstow/postgres/facts/make-finding.ts';
import type { ScratchServer } from '@pgstow/scratch/scratch-server.ts';
import type { Finding } from '@pgstow/shared/contract/finding.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';

export type OwnChecksResult = {
  readonly failed: readonly Finding[];
  /** Faults that say nothing of the database: a query that cannot be run, or a file that cannot be read. A sentence each. */
  readonly unchecked: readonly string[];
  /** Number of the checks that were run. */
  readonly checks: number | undefined;
};

/** Runs the user's own checks in a restored database. */
export async function runOwnChecks(
  { clients, env, runAs }: ScratchServer,
  options: {
    readonly database: string;
    readonly manifest: Manifest;
    /** The file of VERIFY_CHECKS. */
    readonly file: string | undefined;
    readonly signal: AbortSignal;
  },
): Promise<OwnChecksResult> {
  const { database, manifest, file, signal } = options;
  if (file === undefined) return { failed: [], unchecked: [], checks: undefined };
  const failed: Finding[] = [];
  const unchecked: string[] = [];
  try {
    const checks = (await readOwnChecks(file)).filter(isFor(manifest.database));
    for (const check of checks) {
      const outcome = await runOwnCheck(check, { clients, env: env(database), runAs, needs: manifest.needs, signal });
      const name = `check ${JSON.stringify(check.name)}`;
      if (outcome.kind === 'failed')
        failed.push(makeFinding(`${name}: ${outcome.what}`, 'own check', check.name, check.sql, outcome.what));
      else if (outcome.kind === 'cannot-run') unchecked.push(`${name} cannot be run: ${outcome.why}`);
    }
    return { failed, unchecked, checks: checks.length };
  } catch (error) {
    if (!(error instanceof OwnChecksError)) throw error;
    return { failed, unchecked: [error.message], checks: 0 };
  }
}
