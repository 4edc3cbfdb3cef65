import { NoScratchServerError } from '@pgstow/scratch/choose-scratch-programs.ts';
import type { Rehearsal, RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { PermanentError, readFault, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { BadDumpError } from './bad-dump-error.ts';
import type { WantedDump } from './find-wanted-dump.ts';
import type { Compared } from './restore/restore-and-compare.ts';

/** Enough to see what is wrong; a record is no place for a table of 2,000 lines. */
const SHOWN_DIFFERENCES = 100;
/** Keys that a record holds: 240 kB of it. */
const MOST_FINDINGS = 10_000;

/** A test's record and, unless the dump is good, the error that its job fails by. */
export type JudgedTest = { readonly test: RestoreTest; readonly failure?: PermanentError | RetryableError };

/** Judges a dump that was restored by how it compares with its manifest. */
export function judgeCompared(
  wanted: WantedDump,
  compared: Compared,
  durationMs: number,
  rehearsal?: Rehearsal,
): JudgedTest {
  const { findings, notes, unchecked, restoreMs, ...measured } = compared;
  const differences = findings.map(({ difference }) => difference);
  const [first] = differences;
  const others = differences.length > 1 ? `, and ${differences.length - 1} more differences` : '';
  const test: RestoreTest = {
    ...describe(wanted, durationMs),
    ...measured,
    restoreMs: Math.round(restoreMs),
    ...(rehearsal && { rehearsal }),
    notes: [...notes, ...unchecked],
    differences: differences.slice(0, SHOWN_DIFFERENCES),
    differenceCount: differences.length,
    ...(findings.length === 0 ? {} : { findings: findings.slice(0, MOST_FINDINGS).map(({ key }) => key) }),
    result: first === undefined ? 'good' : 'bad',
    reason: first === undefined ? undefined : `${first}${others}`,
  };
  if (first !== undefined) return { test, failure: badFailure(test) };
  return unchecked.length === 0 ? { test } : judgeUnchecked(test, unchecked);
}

/** Judges a dump that equals its manifest, and of which an own check does not say what it should. */
function judgeUnchecked(test: RestoreTest, [first = '', ...more]: readonly string[]): JudgedTest {
  const reason = `${first}${more.length > 0 ? `, and ${more.length} more checks` : ''}`;
  const facts: RestoreTest = { ...test, result: 'could-not-tell', reason };
  const hint = 'Mend the query or the file of VERIFY_CHECKS; nothing else was found.';
  return { test: facts, failure: new PermanentError(couldNotTell(facts), { hint, facts }) };
}

function couldNotTell({ name, destination, reason }: RestoreTest): string {
  return `COULD NOT TELL whether ${name} from ${destination} is good: ${reason}`;
}

/** Judges a test that came to no end: only a BadDumpError says something of the dump. */
export function judgeError(wanted: WantedDump, error: unknown, durationMs: number): JudgedTest {
  const { reason, hint } = readFault(error);
  const about = describe(wanted, durationMs);
  if (error instanceof BadDumpError) {
    const test: RestoreTest = { ...about, result: 'bad', reason };
    return { test, failure: badFailure(test) };
  }
  const isFull = ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
  const why = isFull ? 'the disk of VERIFY_DIR is full' : reason;
  const facts: RestoreTest = { ...about, result: 'could-not-tell', reason: why };
  const message = couldNotTell(facts);
  const isLasting = error instanceof PermanentError || error instanceof NoScratchServerError;
  const failure = isLasting
    ? new PermanentError(message, { hint, facts })
    : new RetryableError(message, { hint, facts });
  return { test: facts, failure };
}

function describe({ manifest, destination }: WantedDump, durationMs: number): Omit<RestoreTest, 'result'> {
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

function badFailure(test: RestoreTest): PermanentError {
  return new PermanentError(`BAD: ${test.name} from ${test.destination}: ${test.reason}`, {
    hint: 'Nothing of this database is pruned until a restore test is good. Take a new dump, and see whether that one is.',
    // Redis has no use for thousands of keys.
    facts: { ...test, findings: undefined },
  });
}
