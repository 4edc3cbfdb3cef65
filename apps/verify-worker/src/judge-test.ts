import { applyAcceptances, judgeDifferences, type AcceptedFindings } from '@pgstow/catalog/policy/findings-policy.ts';
import { NoScratchServerError } from '@pgstow/scratch/choose-scratch-programs.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { PermanentError, readFault, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { BadDumpError } from './bad-dump-error.ts';
import type { WantedDump } from './find-wanted-dump.ts';
import type { Compared } from './restore/compared.ts';

/** Enough to see what is wrong; a record is no place for a table of 2,000 lines. */
const SHOWN_DIFFERENCES = 100;
/** Keys that a record holds: 240 kB of it. */
const MOST_FINDINGS = 10_000;

/** A test's record and, unless the dump is good, the error that its job fails by. */
export type JudgedTest = { readonly test: RestoreTest; readonly failure?: PermanentError | RetryableError };

/** Judges a dump that was restored by how it compares with its manifest, and by what a person has accepted of that. */
export function judgeCompared(
  wanted: WantedDump,
  compared: Compared,
  accepted: AcceptedFindings,
  durationMs: number,
): RestoreTest {
  const { findings, notes, unchecked, restoreMs, ...measured } = compared;
  const differences = findings.map(({ difference }) => difference);
  const whole: RestoreTest = {
    ...describeTest(wanted, durationMs),
    ...measured,
    restoreMs: Math.round(restoreMs),
    notes: [...notes, ...unchecked],
    differences,
    differenceCount: differences.length,
    findings: findings.length === 0 ? undefined : findings.map(({ key }) => key),
    unchecked: unchecked.length === 0 ? undefined : [...unchecked],
    ...judgeDifferences(differences, differences.length, unchecked),
  };
  const judged = applyAcceptances(whole, accepted);
  return {
    ...judged,
    differences: judged.differences.slice(0, SHOWN_DIFFERENCES),
    findings: judged.findings?.slice(0, MOST_FINDINGS),
  };
}

/** Adds the error by which the job of a compared dump fails. Without a verdict, an own check did not say what it should. */
export function concludeTest(test: RestoreTest): JudgedTest {
  if (test.result === 'good') return { test };
  if (test.result === 'bad') return { test, failure: badFailure(test) };
  const hint = 'Mend the query or the file of VERIFY_CHECKS; nothing else was found.';
  return { test, failure: new PermanentError(couldNotTell(test), { hint, facts: test }) };
}

function couldNotTell({ name, destination, reason }: RestoreTest): string {
  return `COULD NOT TELL whether ${name} from ${destination} is good: ${reason}`;
}

/**
 * Judges a test that came to no end: only a BadDumpError says something of the dump.
 *
 * @param isSealed whether no identity was there to decrypt it
 */
export function judgeError(wanted: WantedDump, error: unknown, durationMs: number, isSealed = false): JudgedTest {
  const { reason, hint } = readFault(error);
  const described = describeTest(wanted, durationMs);
  if (error instanceof BadDumpError) {
    const test: RestoreTest = { ...described, result: 'bad', reason, ...(isSealed ? { isSealed: true } : {}) };
    return { test, failure: badFailure(test, hint) };
  }
  const isFull = ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
  const why = isFull ? 'the disk of VERIFY_DIR is full' : reason;
  const facts: RestoreTest = { ...described, result: 'could-not-tell', reason: why };
  const message = couldNotTell(facts);
  const isLasting = error instanceof PermanentError || error instanceof NoScratchServerError;
  const failure = isLasting
    ? new PermanentError(message, { hint, facts })
    : new RetryableError(message, { hint, facts });
  return { test: facts, failure };
}

export function describeTest({ manifest, destination }: WantedDump, durationMs: number): Omit<RestoreTest, 'result'> {
  return {
    version: 1,
    name: manifest.name,
    destination,
    sha256: manifest.sha256,
    notes: [],
    differences: [],
    differenceCount: 0,
    testedAt: new Date().toISOString(),
    durationMs: Math.round(durationMs),
  };
}

/** @param hint what is known of this very error */
function badFailure(test: RestoreTest, hint?: string): PermanentError {
  const appeal =
    test.findings === undefined
      ? ''
      : ` If you know what differs, and it is no fault: pgstow accept ${test.name} --reason '…'`;
  return new PermanentError(`BAD: ${test.name} from ${test.destination}: ${test.reason}`, {
    hint: `${hint === undefined ? '' : `${hint} `}Nothing of this database is pruned until a restore test is good. Take a new dump, and see whether that one is.${appeal}`,
    // Redis has no use for thousands of keys.
    facts: { ...test, findings: undefined },
  });
}
