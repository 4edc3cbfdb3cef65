import { isDeepStrictEqual } from 'node:util';
import { scheduledJobId, type JobData } from '@pgstow/shared/contract/jobs.ts';
import type { Schedule } from '@pgstow/shared/config/schedule.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';
import { enqueueDump, jobOptions, type OpenQueue } from '@pgstow/shared/runtime/queue.ts';
import { planSchedules, type ScheduleAction, type ScheduleEntry } from './schedule-plan.ts';

export type ReconcileOptions = {
  readonly queue: OpenQueue<'dump'>;
  readonly targets: readonly string[];
  readonly schedule: Schedule;
  readonly log: Log;
};

type Scheduler = Awaited<ReturnType<OpenQueue<'dump'>['getJobSchedulers']>>[number];

/** What the jobs of a target's schedule are made of. */
const templateOf = (target: string): { name: 'scheduled'; data: JobData<'dump'>; opts: typeof jobOptions.dump } => ({
  name: 'scheduled',
  data: { target },
  opts: jobOptions.dump,
});

/**
 * Makes the schedule entries in Redis those of the configuration. Several schedulers may do so at the same time.
 *
 * @param kinds the kinds of action to carry out; all unless given
 */
export async function reconcileSchedules(
  { queue, targets, schedule, log }: ReconcileOptions,
  kinds?: ReadonlySet<ScheduleAction['kind']>,
): Promise<void> {
  const entries = await readEntries(queue, targets);
  for (const action of planSchedules(targets, schedule, entries, new Date())) {
    if (kinds !== undefined && !kinds.has(action.kind)) continue;
    await carryOut(queue, schedule, action, entries);
    const { kind, id, ...facts } = action;
    log.info({ schedule: id, ...facts }, `schedule: ${kind}`);
  }
}

async function carryOut(
  queue: OpenQueue<'dump'>,
  schedule: Schedule,
  action: ScheduleAction,
  entries: readonly ScheduleEntry[],
): Promise<void> {
  if (action.kind === 'keep') return;
  if (action.kind === 'remove') {
    await queue.removeJobScheduler(action.id);
    // A run that was due and still waits stays behind; a worker that has it already finishes it.
    const due = entries.find((entry) => entry.id === action.id)?.nextRun.getTime();
    if (due !== undefined) await queue.remove(scheduledJobId(action.id, due)).catch(() => undefined);
    return;
  }
  const { target, oneOff, nextRun } = action;
  if (nextRun !== undefined) {
    // A promoted job bears the id of the run that is wanted again, and would stand in its way.
    const id = scheduledJobId(action.id, nextRun.getTime());
    if ((await queue.getJobState(id)) === 'active') return;
    await queue.remove(id);
    // An interval that is there keeps its next run, whatever it is written with.
    await queue.removeJobScheduler(action.id);
  }
  if (oneOff !== undefined) await enqueueDump(queue, target, oneOff.name, { jobId: oneOff.jobId });
  await queue.upsertJobScheduler(
    action.id,
    schedule.kind === 'interval'
      ? { every: schedule.everyMs, ...(nextRun === undefined ? {} : { startDate: nextRun }) }
      : { pattern: schedule.pattern, tz: schedule.timeZone },
    templateOf(target),
  );
}

async function readEntries(queue: OpenQueue<'dump'>, targets: readonly string[]): Promise<readonly ScheduleEntry[]> {
  const schedulers = await queue.getJobSchedulers(0, -1);
  const current = targets.map((target) => templateOf(target));
  return Promise.all(
    schedulers.map(async (scheduler) => ({
      id: scheduler.key,
      schedule: scheduleOf(scheduler),
      nextRun: new Date(scheduler.next ?? 0),
      nextJob: await readNextJob(queue, scheduler),
      isCurrent: current.some(({ name, ...template }) => {
        return scheduler.name === name && isDeepStrictEqual(scheduler.template, template);
      }),
    })),
  );
}

function scheduleOf({ every, pattern, tz }: Scheduler): Schedule | undefined {
  if (every !== undefined) return { kind: 'interval', everyMs: every };
  return pattern === undefined ? undefined : { kind: 'cron', pattern, timeZone: tz ?? '' };
}

async function readNextJob(queue: OpenQueue<'dump'>, { key, next }: Scheduler): Promise<ScheduleEntry['nextJob']> {
  const state = await queue.getJobState(scheduledJobId(key, next ?? 0));
  if (state === 'active') return 'active';
  if (state !== 'completed' && state !== 'failed' && state !== 'unknown') return 'waiting';
  // In between, a worker may have taken the job and made the next one.
  const now = await queue.getJobScheduler(key);
  return now?.next === next ? 'gone' : 'waiting';
}
