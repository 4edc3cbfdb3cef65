import type { KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { describeDuration } from '@pgstow/catalog/policy/describe-duration.ts';
import { dumpsOf } from '@pgstow/catalog/policy/dumps-of.ts';
import { newestByNow } from '@pgstow/catalog/policy/newest-dump.ts';
import { nextRuns, type Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import { findingOf, defineCheck, type Finding } from '../check.ts';
import { shellWord } from '../shell-word.ts';
import { describeSchedule, formatRun } from './describe-schedule.ts';

const SHOWN = 3;
/** A run that was due this recently may still be under way. */
const GRACE_MS = 60 * 60 * 1000;
const MOST_COUNTED = 100;

/** Says when dumps are made, and which were missed. `checkQueues` looks at the plan in Redis. */
export const checkSchedule = defineCheck({
  name: 'schedule.missed',
  needs: ['schedule', 'backup', 'postgres'],
  timeoutMs: 60_000,
  async *run({ schedule, backup, postgres }, facts) {
    yield findingOf('schedule.words').ok(`dumps are made ${describeSchedule(schedule)}`);
    if (schedule.kind === 'cron') {
      const runs = nextRuns(schedule, facts.now, SHOWN).map((run) => formatRun(run, schedule.timeZone));
      yield findingOf('schedule.next').ok(`next at ${runs.join(', ')} (${schedule.timeZone})`);
    }
    const dumps = await facts.readDumps(backup.folder);
    for (const subject of postgres.databases) {
      const newest = newestByNow(dumpsOf(subject, dumps), facts.now);
      if (schedule.kind === 'interval') {
        const last = newest === undefined ? undefined : Date.parse(newest.manifest.takenAt);
        yield findingOf('schedule.next', subject).ok(describeIntervals(schedule.everyMs, last, facts.now));
      }
      yield judgeMissed(subject, newest, schedule, facts.now);
    }
  },
});

/** An interval counts from its last run; an overdue run is made up for at once. */
function describeIntervals(everyMs: number, lastMs: number | undefined, now: Date): string {
  const first = Math.max(now.getTime(), lastMs === undefined ? 0 : lastMs + everyMs);
  const runs = Array.from({ length: SHOWN }, (_, index) => formatRun(new Date(first + index * everyMs), 'UTC'));
  if (first === now.getTime()) runs[0] = 'once the scheduler runs';
  return `next ${runs.join(', ')} (UTC)`;
}

function judgeMissed(subject: string, newest: KnownDump | undefined, schedule: Schedule, now: Date): Finding {
  const { ok, warning, fault } = findingOf('schedule.missed', subject);
  if (newest === undefined) return ok('never dumped yet; no run was missed');
  const { takenAt } = newest.manifest;
  const age = describeDuration(now.getTime() - Date.parse(takenAt));
  const due = now.getTime() - GRACE_MS;
  const missed = nextRuns(schedule, new Date(takenAt), MOST_COUNTED).filter((run) => run.getTime() < due).length;
  if (missed === 0) return ok(`no run was missed; its newest dump is ${age} old`);
  // One run may fail, two may not.
  return (missed === 1 ? warning : fault)(
    `${missed === 1 ? 'one run was' : `${missed === MOST_COUNTED ? 'at least ' : ''}${missed} runs were`} missed since its newest dump, which is ${age} old`,
    `See the log of the dump worker and the failed jobs on the board, or ask for one now: pgstow dump ${shellWord(subject)} --wait`,
  );
}
