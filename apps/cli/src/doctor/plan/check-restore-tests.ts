import type { KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { decisiveRestoreTest, newestVerdict } from '@pgstow/catalog/policy/decisive-restore-test.ts';
import { describeDuration } from '@pgstow/catalog/policy/describe-duration.ts';
import { dumpsOf } from '@pgstow/catalog/policy/dumps-of.ts';
import { nextRuns } from '@pgstow/shared/config/subjects/schedule.ts';
import { findingOf, defineCheck, type Finding } from '../check.ts';
import { shellWord } from '../shell-word.ts';
import { describeSchedule, formatRun } from './describe-schedule.ts';

/** Says when restore tests are made, and what the newest one found. */
export const checkRestoreTests = defineCheck({
  name: 'restore.result',
  needs: ['verify', 'backup', 'postgres'],
  timeoutMs: 60_000,
  async *run({ verify, backup, postgres }, facts) {
    const { schedule } = verify;
    const { ok, warning } = findingOf('restore.words');
    if (schedule.kind === 'off')
      yield warning(
        'restore tests are off: nothing but a restore shows that a backup restores',
        'Set VERIFY_SCHEDULE=after-upload, or a cron pattern.',
      );
    else if (schedule.kind === 'after-upload') yield ok('each dump is restored once it has arrived at its destination');
    else {
      const runs = nextRuns(schedule, facts.now, 3);
      const next = runs.map((run) => formatRun(run, schedule.timeZone)).join(', ');
      yield ok(`the newest dump of each database is restored ${describeSchedule(schedule)}; next at ${next}`);
    }
    const dumps = await facts.readDumps(backup.folder);
    for (const subject of postgres.databases) {
      yield judgeResult(subject, dumpsOf(subject, dumps), schedule.kind === 'off', facts.now);
    }
  },
});

/** @param dumps of one database, oldest first */
function judgeResult(subject: string, dumps: readonly KnownDump[], isOff: boolean, now: Date): Finding {
  const { ok, warning, fault, skipped } = findingOf('restore.result', subject);
  const verdict = newestVerdict(dumps, now);
  const test = verdict ?? dumps.map(decisiveRestoreTest).findLast((found) => found !== undefined);
  if (test === undefined) {
    if (dumps.length === 0) return ok('no dump that could have been tested yet');
    if (isOff) return skipped('no restore test was made');
    return warning(
      'none of its dumps was ever restored',
      `Request a restore test now: pgstow verify --database ${shellWord(subject)} --wait`,
    );
  }
  const of = `${test.name} from ${test.destination}`;
  const ago = `${describeDuration(now.getTime() - Date.parse(test.testedAt))} ago`;
  switch (test.result) {
    case 'good':
      return ok(
        `the newest restore test, ${ago}, was good${test.acceptedAt === undefined ? '' : ', but for what was accepted'}`,
      );
    case 'bad':
      return fault(
        `the newest restore test, ${ago}, was bad: ${of}: ${test.reason ?? test.differences[0] ?? 'it differs from its manifest'}`,
        `Have a dump taken now (pgstow dump ${shellWord(subject)} --wait), and see pgstow list --long for what is good.${test.findings === undefined ? '' : ` If you know what differs, and it is no fault: pgstow accept ${test.name} --reason '…'`}`,
      );
    case 'could-not-tell':
      return warning(
        `no restore test could tell yet; the newest, ${ago}, of ${of}: ${test.reason ?? 'no reason was recorded'}`,
        `Mend that, and request another: pgstow verify --database ${shellWord(subject)} --wait`,
      );
    default:
      return test.result satisfies never;
  }
}
