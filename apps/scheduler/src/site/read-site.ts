import { targetsOf } from '@pgstow/shared/config/targets-of.ts';
import { jobs, scheduleId, type QueueName } from '@pgstow/shared/contract/jobs.ts';
import type { PublishedCatalog } from '@pgstow/shared/contract/published-catalog.ts';
import { EVERY_DATABASE } from '@pgstow/shared/contract/target.ts';
import { readNextRuns } from '@pgstow/shared/runtime/jobs/next-runs.ts';
import { dueTime } from '@pgstow/shared/runtime/jobs/scheduled-job.ts';
import { readWantedSince, type WantedSince } from '@pgstow/shared/runtime/jobs/wanted-since.ts';
import { answerOf } from './redis-answer.ts';
import type { Site } from './site.ts';

/** The state of a queue. */
export type QueueFacts = {
  readonly name: QueueName;
  readonly isPaused: boolean;
  readonly workers: number;
  /** Jobs by state. */
  readonly counts: Readonly<Record<string, number>>;
};

/** All that Redis holds about a site at one moment. */
export type SiteFacts = {
  readonly now: Date;
  /** The workers' publication about their folder; `undefined`: none yet. */
  readonly catalog: PublishedCatalog | undefined;
  /** What is backed up now. */
  readonly targets: readonly string[];
  readonly queues: readonly QueueFacts[];
  /** When each target is dumped next. */
  readonly nextRuns: ReadonlyMap<string, Date>;
  /** The running or due dump job of each target, and since when one has been due. */
  readonly dumping: ReadonlyMap<string, DumpingFacts>;
  readonly wantedSince: WantedSince;
};

export type DumpingFacts = { readonly id: string; readonly isRunning: boolean; readonly dueAt: Date };

/** The queues in the order in which a backup goes through them. */
export const queueOrder = ['dump', 'upload', 'verify'] as const satisfies readonly QueueName[];

/** What is backed up now, by what the workers published. @throws RetryableError if Redis does not answer in time */
export async function readSiteTargets({ asked, catalog }: Pick<Site, 'asked' | 'catalog'>): Promise<readonly string[]> {
  return targetsOf(asked, (await answerOf(catalog.read()))?.found);
}

/** @throws RetryableError if Redis does not answer in time */
export async function readSite(site: Site): Promise<SiteFacts> {
  const { queues, asked } = site;
  const [catalog, facts, planned, active, waiting, wantedSince] = await answerOf(
    Promise.all([
      site.catalog.read(),
      Promise.all(queueOrder.map((queue) => readQueue(site, queue))),
      readNextRuns(queues.dump),
      queues.dump.getJobs(['active'], 0, -1),
      queues.dump.getJobs(['waiting', 'prioritized'], 0, MOST_WAITING),
      readWantedSince(site.redis, site.name),
    ]),
  );
  const targets = targetsOf(asked, catalog?.found);
  const nextRuns = targets.flatMap((target) => {
    const next = planned.get(scheduleId(target)) ?? planned.get(scheduleId(EVERY_DATABASE));
    return next === undefined ? [] : [[target, next] as const];
  });
  const dumping = new Map<string, DumpingFacts>();
  for (const job of [...waiting, ...active]) {
    // Anyone may have added a job with anything in it.
    const target = jobs.dump.safeParse(job.data).data?.target;
    if (target === undefined) continue;
    const dueAt = dueTime(job) ?? new Date(job.timestamp);
    const other = dumping.get(target)?.dueAt ?? dueAt;
    dumping.set(target, {
      id: job.id ?? '',
      isRunning: active.includes(job),
      dueAt: other < dueAt ? other : dueAt,
    });
  }
  return { now: new Date(), catalog, targets, queues: facts, nextRuns: new Map(nextRuns), dumping, wantedSince };
}

/** A look at a server may have asked for a dump of each of a thousand databases. */
const MOST_WAITING = 2000;

async function readQueue({ queues }: Site, name: QueueName): Promise<QueueFacts> {
  const queue = queues[name];
  const [isPaused, workers, counts] = await Promise.all([
    queue.isPaused(),
    queue.getWorkersCount(),
    queue.getJobCounts('active', 'waiting', 'prioritized', 'delayed', 'failed', 'completed'),
  ]);
  return { name, isPaused, workers, counts };
}
