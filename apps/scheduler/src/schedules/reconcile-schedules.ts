import { isDeepStrictEqual } from 'node:util';
import { nextRunBy, type Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import { scheduledJobId, type JobData, type QueueName } from '@pgstow/shared/contract/jobs.ts';
import type { OpenQueue, plannedJobOptions } from '@pgstow/shared/runtime/jobs/queue.ts';
import { removeOrphan } from '@pgstow/shared/runtime/jobs/remove-orphan.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import {
  planSchedules,
  type EntryNames,
  type OneOffJob,
  type ScheduleAction,
  type ScheduleEntry,
} from './schedule-plan.ts';

/** The schedule entries of a queue, as the configuration wants them. */
export type WantedEntries = {
  readonly queue: OpenQueue<QueueName>;
  readonly targets: readonly string[];
  /** The targets of now, where they come and go by themselves; `undefined` while they are not known. */
  readonly readTargets?: (() => Promise<readonly string[] | undefined>) | undefined;
  readonly schedule: Schedule;
  readonly names: EntryNames;
  /** The template of the jobs of a target's entry. */
  readonly templateOf: (target: string) => JobTemplate;
  /** Adds a job for a run that the entry itself would not make. */
  readonly addOneOff: (target: string, oneOff: OneOffJob) => Promise<unknown>;
  readonly log: Log;
};

export type JobTemplate = {
  readonly name: 'scheduled';
  readonly data: JobData<QueueName>;
  readonly opts: (typeof plannedJobOptions)[keyof typeof plannedJobOptions];
};

type Scheduler = Awaited<ReturnType<OpenQueue<QueueName>['getJobSchedulers']>>[number];

/**
 * Makes the schedule entries in Redis those of the configuration. Several schedulers may do so at the same time.
 *
 * @param kinds the kinds of action to carry out; all unless given
 */
export async function reconcileSchedules(
  wanted: WantedEntries,
  kinds?: ReadonlySet<ScheduleAction['kind']>,
): Promise<void> {
  const { targets, schedule, names, log } = wanted;
  const entries = await readEntries(wanted);
  for (const action of planSchedules(targets, schedule, entries, new Date(), names)) {
    if (kinds !== undefined && !kinds.has(action.kind)) continue;
    await carryOut(wanted, action, entries);
    const { kind, id, ...facts } = action;
    log.info({ schedule: id, ...facts }, `schedule: ${kind}`);
  }
}

async function carryOut(
  { queue, schedule, templateOf, addOneOff }: WantedEntries,
  action: ScheduleAction,
  entries: readonly ScheduleEntry[],
): Promise<void> {
  if (action.kind === 'keep') return;
  if (action.kind === 'remove') {
    await queue.removeJobScheduler(action.id);
    // Removing the entry leaves the job of a run that is due and still waits. A worker that has taken it finishes it.
    const due = entries.find((entry) => entry.id === action.id)?.nextRun.getTime();
    if (due !== undefined) await queue.remove(scheduledJobId(action.id, due)).catch(() => undefined);
    return;
  }
  const { target, oneOff, nextRun } = action;
  if (nextRun !== undefined) {
    // A promoted job has the id of the run that is wanted again, and would block it.
    const id = scheduledJobId(action.id, nextRun.getTime());
    if ((await queue.getJobState(id)) === 'active') return;
    await queue.remove(id);
    // An interval that exists keeps its next run, whatever is written.
    await queue.removeJobScheduler(action.id);
  } else await clearTheWay(queue, action, schedule, entries);
  if (oneOff !== undefined) await addOneOff(target, oneOff);
  await queue.upsertJobScheduler(
    action.id,
    schedule.kind === 'interval'
      ? { every: schedule.everyMs, ...(nextRun === undefined ? {} : { startDate: nextRun }) }
      : { pattern: schedule.pattern, tz: schedule.timeZone },
    templateOf(target),
  );
}

/** Removes what a partial loss of Redis has left under the id of the entry's next job: BullMQ adds no second job of that id. */
async function clearTheWay(
  queue: OpenQueue<QueueName>,
  { kind, id }: ScheduleAction,
  schedule: Schedule,
  entries: readonly ScheduleEntry[],
): Promise<void> {
  if (kind === 'mend') {
    const jobId = scheduledJobId(id, entries.find((entry) => entry.id === id)?.nextRun.getTime() ?? 0);
    await removeOrphan(queue, jobId);
    // A job that is whole may show why a run failed, and blocks nothing.
    if ((await queue.getJob(jobId)) === undefined) await queue.remove(jobId);
  }
  const next = kind === 'create' && schedule.kind === 'cron' ? nextRunBy(schedule, new Date()) : undefined;
  // BullMQ refuses if another scheduler has written the entry meanwhile.
  if (next !== undefined) await queue.remove(scheduledJobId(id, next.getTime())).catch(() => undefined);
}

async function readEntries({ queue, targets, templateOf }: WantedEntries): Promise<readonly ScheduleEntry[]> {
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

async function readNextJob(queue: OpenQueue<QueueName>, { key, next }: Scheduler): Promise<ScheduleEntry['nextJob']> {
  const state = await queue.getJobState(scheduledJobId(key, next ?? 0));
  if (state === 'active') return 'active';
  const isWaiting = state !== 'completed' && state !== 'failed' && state !== 'unknown';
  // Redis may have lost a job and kept its place in the queue.
  if (isWaiting && (await queue.getJob(scheduledJobId(key, next ?? 0))) !== undefined) return 'waiting';
  // A worker may have taken the job in between, and made the next one.
  const now = await queue.getJobScheduler(key);
  return now?.next === next ? 'gone' : 'waiting';
}
