import { describeDuration } from '@pgstow/catalog/policy/describe-duration.ts';
import { scheduledTargets } from '@pgstow/shared/config/targets-of.ts';
import { scheduleId, verifyScheduleId, type QueueName } from '@pgstow/shared/contract/jobs.ts';
import { describeTarget } from '@pgstow/shared/contract/target.ts';
import { readJobFailure } from '@pgstow/shared/runtime/jobs/job-failure.ts';
import { openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { connect } from '../../connect.ts';
import { findingOf, defineCheck, type Finding, type Settings } from '../check.ts';
import { UnknownFactError } from '../facts.ts';
import { formatRun } from './describe-schedule.ts';

type Wanted = Required<Pick<Settings, 'postgres' | 'redis' | 'schedule' | 'verify' | 'destinations'>>;

/** Checks that workers serve the queues, that runs are planned, and that no job has failed. */
export const checkQueues = defineCheck({
  name: 'queues.workers',
  needs: ['redis', 'postgres', 'destinations', 'schedule', 'verify'],
  timeoutMs: 45_000,
  async *run(settings, facts, signal) {
    await using connection = await connect(settings.redis.url, signal).catch(() => {
      signal.throwIfAborted();
      throw new UnknownFactError('not checked, because Redis does not answer');
    });
    for (const queue of queuesInUse(settings)) yield* checkQueue(queue, settings, connection, facts.now);
  },
});

function queuesInUse({ destinations, verify }: Wanted): readonly QueueName[] {
  const queues: QueueName[] = ['dump'];
  if (destinations.length > 0) queues.push('upload');
  if (verify.schedule.kind !== 'off') queues.push('verify');
  return queues;
}

async function* checkQueue(
  name: QueueName,
  settings: Wanted,
  connection: RedisConnection,
  now: Date,
): AsyncGenerator<Finding> {
  await using queue = openQueue(name, settings.redis.site, connection);
  yield judgeWorkers(name, settings.redis.site, await queue.getWorkersCount().catch(() => undefined));
  if (await queue.isPaused())
    yield findingOf('queues.paused', name).fault(
      `the queue is paused: no worker takes a ${name} job`,
      'Resume the queue on the board.',
    );
  yield await judgeFailed(name, queue, now);
  if (name === 'dump') yield* checkPlan(queue, settings, scheduleId, now);
  else if (name === 'verify' && settings.verify.schedule.kind === 'cron')
    yield* checkPlan(queue, settings, verifyScheduleId, now);
}

function judgeWorkers(subject: QueueName, site: string, count: number | undefined): Finding {
  const { ok, fault, skipped } = findingOf('queues.workers', subject);
  if (count === undefined) return skipped('this Redis does not tell who is connected');
  if (count > 0) return ok(`${count === 1 ? 'one worker is' : `${count} workers are`} connected`);
  return fault(
    `no ${subject} worker of the site ${JSON.stringify(site)} is connected`,
    `Start the ${subject} worker, and see that its REDIS_URL and SITE are the same as here.`,
  );
}

/** A job that failed longer ago has been seen, or does not matter. */
const RECENT_MS = 7 * 24 * 60 * 60 * 1000;

async function judgeFailed(subject: QueueName, queue: OpenQueue<QueueName>, now: Date): Promise<Finding> {
  const { ok, warning } = findingOf('queues.failed', subject);
  const { failed = 0 } = await queue.getJobCounts('failed');
  const [newest] = await queue.getFailed(0, 0);
  const at = newest?.finishedOn ?? 0;
  if (newest === undefined || now.getTime() - at > RECENT_MS)
    return ok(failed === 0 ? 'no job failed for good' : 'no job failed for good within a week');
  const failure = await readJobFailure(queue, newest);
  return warning(
    `${failed === 1 ? 'a job' : `${failed} jobs`} failed for good, the newest ${describeDuration(now.getTime() - at)} ago: ${failure?.reason ?? ''}`,
    'Look at the failed jobs on the board; retry or remove them there.',
  );
}

/** A run that is due may wait for a worker that is busy. */
const LATE_MS = 10 * 60 * 1000;

async function* checkPlan(
  queue: OpenQueue<QueueName>,
  { postgres, schedule, verify }: Wanted,
  idOf: (target: string) => string,
  now: Date,
): AsyncGenerator<Finding> {
  const isVerify = idOf === verifyScheduleId;
  const what = isVerify ? 'restore test' : 'dump';
  const when = isVerify ? verify.schedule : schedule;
  const timeZone = when.kind === 'cron' ? when.timeZone : 'UTC';
  for (const target of isVerify ? postgres.databases : scheduledTargets(postgres)) {
    const subject = describeTarget(target);
    const { ok, warning, fault } = findingOf('queues.plan', subject);
    const next = (await queue.getJobScheduler(idOf(target)))?.next;
    const at = `${formatRun(new Date(next ?? 0), timeZone)} (${timeZone})`;
    if (next === undefined)
      yield fault(`no ${what} is planned in Redis`, 'Start the scheduler: it plans what is missing.');
    else if (next < now.getTime() - LATE_MS)
      yield warning(
        `the ${what} of ${at} is due and was not begun`,
        'See whether scheduler and workers run, and what they are doing.',
      );
    else yield ok(`the next ${what} is planned for ${at}`);
  }
}
