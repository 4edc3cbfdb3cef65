import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { describeRehearsal } from '@pgstow/shared/contract/describe-rehearsal.ts';
import { restoreTestSchema, type RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { describeFault } from '@pgstow/shared/runtime/errors.ts';
import type { OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import prettyMilliseconds from 'pretty-ms';
import { exitCodes, ExitError } from '../exit-codes.ts';
import { startProgress, type Progress } from '../format/start-progress.ts';
import { followJob, JobFailedError } from './follow-job.ts';

/** A restore test that was requested. */
export type RequestedTest = {
  readonly name: BackupName;
  readonly database: string;
  readonly from: string;
  readonly jobId: string;
};

type Ending = Pick<RestoreTest, 'result'> & Partial<RestoreTest>;

/**
 * Shows how far restore tests are, then the result of each. Ending this ends no test.
 *
 * @throws ExitError 4 if one is bad, else 5 if one could not tell; the reason of the signal
 */
export async function followRestoreTests(
  tests: readonly RequestedTest[],
  queue: OpenQueue<'verify'>,
  signal: AbortSignal,
): Promise<void> {
  const endings = await followAll(tests, queue, signal);
  for (const [index, ending] of endings.entries()) console.log(describeEnding(tests[index]?.name ?? '', ending));
  const of = (result: Ending['result']): string => {
    return tests
      .filter((_, index) => endings[index]?.result === result)
      .map(({ database }) => database)
      .join(', ');
  };
  if (of('bad') !== '') throw new ExitError(exitCodes.bad, `the restore test is bad: ${of('bad')}`);
  if (of('could-not-tell') !== '')
    throw new ExitError(exitCodes.couldNotTell, `the restore test could not tell: ${of('could-not-tell')}`);
}

async function followAll(
  tests: readonly RequestedTest[],
  queue: OpenQueue<'verify'>,
  signal: AbortSignal,
): Promise<readonly Ending[]> {
  using progress: Progress = startProgress();
  return await Promise.all(tests.map((test) => followTest(test, queue, signal, progress.add(test.database))));
}

async function followTest(
  test: RequestedTest,
  queue: OpenQueue<'verify'>,
  signal: AbortSignal,
  show: (percent: number, text: string) => void,
): Promise<Ending> {
  try {
    const result = await followJob(queue, test.jobId, { stage: 'restore test', show, signal });
    const { data } = restoreTestSchema.safeParse(result);
    if (data === undefined) throw new Error(`the restore test left no result but ${JSON.stringify(result)}`);
    show(100, 'restore test done');
    return data;
  } catch (error) {
    if (!(error instanceof JobFailedError)) throw error;
    show(100, 'restore test done');
    const { reason, hint, facts } = error.failure;
    const { data } = restoreTestSchema.safeParse(facts);
    const said = data === undefined ? reason : data.reason;
    return { result: 'could-not-tell', ...data, reason: said && describeFault({ reason: said, hint }) };
  }
}

const TITLES = { good: 'GOOD', bad: 'BAD', 'could-not-tell': 'COULD NOT TELL' } as const;

function describeEnding(name: string, ending: Ending): string {
  const { result, reason, differences = [], differenceCount = 0, notes = [], tables, rows, restoreMs } = ending;
  const facts = [
    tables === undefined ? undefined : count(tables, 'table'),
    rows === undefined ? undefined : count(rows, 'row'),
    ending.checks === undefined ? undefined : `${count(ending.checks, 'check')} of your own`,
    restoreMs === undefined ? undefined : `restored in ${prettyMilliseconds(restoreMs)}`,
  ].filter((fact) => fact !== undefined);
  const more = differenceCount - differences.length;
  return [
    `${TITLES[result]}  ${name}${facts.length === 0 ? '' : `: ${facts.join(', ')}`}`,
    ...(reason?.split('\n') ?? []),
    ...differences,
    ...(more > 0 ? [`and ${more} more differences`] : []),
    ...notes.map((note) => `note: ${note}`),
    ...describeRehearsal(ending.rehearsal),
  ].join('\n  ');
}

function count(things: number, name: string): string {
  return `${things.toLocaleString('en')} ${name}${things === 1 ? '' : 's'}`;
}
