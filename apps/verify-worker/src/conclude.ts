import { BAD_FAILURE, type RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import type { Task } from '@pgstow/shared/runtime/worker.ts';
import type { RestoreFinding } from './restore-finding.ts';

/**
 * Says on the board what came of a test.
 *
 * @throws PermanentError if the dump is bad, so that the job stands failed, and if it could not be told and another attempt
 *   would not tell either; RetryableError if one may
 */
export function conclude(task: Task<'verify'>, test: RestoreTest, finding: RestoreFinding): RestoreTest {
  const { name, destination, result, reason, differenceCount } = test;
  for (const note of test.notes) task.note(`note: ${note}`);
  if (result === 'good') {
    task.progress(100);
    const rows = test.rows === undefined ? '' : `, ${test.tables} tables with ${test.rows} rows`;
    task.note(`GOOD: ${name} from ${destination}${rows}, restored in ${seconds(test.restoreMs)} s`);
    return test;
  }
  if (result === 'bad') {
    for (const difference of finding.differences) task.note(`difference: ${difference}`);
    task.log.error({ destination, differences: differenceCount, reason }, 'a restore test found a BAD dump');
    throw new PermanentError(`${BAD_FAILURE}${name} from ${destination}: ${reason}`, {
      hint: 'Nothing of this database is pruned until a restore test is good. Take a new dump, and see whether that one is.',
    });
  }
  const message = `COULD NOT TELL whether ${name} from ${destination} is good: ${reason}`;
  const options = finding.hint === undefined ? {} : { hint: finding.hint };
  throw finding.isLasting ? new PermanentError(message, options) : new RetryableError(message, options);
}

function seconds(ms: number | undefined): string {
  return ((ms ?? 0) / 1000).toFixed(1);
}
