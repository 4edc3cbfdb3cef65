import { targetsOf } from '@pgstow/shared/config/targets-of.ts';
import { jobs, scheduleId, type QueueName } from '@pgstow/shared/contract/jobs.ts';
import type { PublishedCatalog } from '@pgstow/shared/contract/published-catalog.ts';
import { EVERY_DATABASE } from '@pgstow/shared/contract/target.ts';
import { readNextRuns } from '@pgstow/shared/runtime/jobs/next-runs.ts';
import type { OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { dueTime } from '@pgstow/shared/runtime/jobs/scheduled-job.ts';
import { readWantedSince, type WantedSince } from '@pgstow/shared/runtime/jobs/wanted-since.ts';
import { answerOf } from './redis-answer.ts';
import type { ServedServer, Site } from './site.ts';

/** The state of a queue. */
export type QueueFacts = {
  readonly name: QueueName;
  readonly isPaused: boolean;
  readonly workers: number;
  /** Jobs by state. */
  readonly counts: Readonly<Record<string, number>>;
};

/** All that Redis holds about a server of a site at one moment. */
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

/** A server, and what Redis holds about it. */
export type ServerFacts = { readonly on: ServedServer; readonly facts: SiteFacts };

/** Finds the server that has a target now; `undefined` if there is no such target. @throws RetryableError if Redis does not answer */
export async function findServed(
  site: Pick<Site, 'servers'>,
  server: string | undefined,
  database: string,
): Promise<ServedServer | undefined> {
  const on = site.servers().find((each) => each.server === server);
  if (on === undefined) return undefined;
  return targetsOf(on.asked, (await answerOf(on.catalog.read()))?.found).includes(database) ? on : undefined;
}

/** Reads what Redis holds about each server. @throws RetryableError if Redis does not answer in time */
export async function readSite(site: Site): Promise<readonly ServerFacts[]> {
  const { queues } = site;
  const [facts, planned, jobs, kept] = await answerOf(
    Promise.all([
      Promise.all(queueOrder.map((queue) => readQueue(site, queue))),
      readNextRuns(queues.dump),
      readDumping(queues.dump),
      Promise.all(
        site.servers().map(async (on) => {
          const [catalog, wantedSince] = await Promise.all([on.catalog.read(), readWantedSince(site.redis, on.scope)]);
          return { on, catalog, wantedSince };
        }),
      ),
    ]),
  );
  const now = new Date();
  return kept.map(({ on, catalog, wantedSince }) => {
    const targets = targetsOf(on.asked, catalog?.found);
    const ofEvery = planned.get(scheduleId(EVERY_DATABASE, on.server));
    const nextRuns = targets.flatMap((target) => {
      const next = planned.get(scheduleId(target, on.server)) ?? ofEvery;
      return next === undefined ? [] : [[target, next] as const];
    });
    const dumping = dumpingOf(on.server, jobs, now);
    return { on, facts: { now, catalog, targets, queues: facts, nextRuns: new Map(nextRuns), dumping, wantedSince } };
  });
}

type DumpJob = Awaited<ReturnType<OpenQueue<'dump'>['getJobs']>>[number];
type Dumping = { readonly active: readonly DumpJob[]; readonly waiting: readonly DumpJob[] };

async function readDumping(queue: OpenQueue<'dump'>): Promise<Dumping> {
  const [active, waiting, delayed] = await Promise.all([
    queue.getJobs(['active'], 0, -1),
    queue.getJobs(['waiting', 'prioritized'], 0, MOST_WAITING),
    readSentBack(queue),
  ]);
  return { active, waiting: [...waiting, ...delayed] };
}

/** The longest wait of a job for its server's turn. */
const SENT_BACK_MS = 2 * 60_000;

/** Reads the jobs that wait for their server's turn. One that is tried again after a failure is none. */
async function readSentBack(queue: OpenQueue<'dump'>): Promise<readonly DumpJob[]> {
  // Source: bullmq, commands/includes/getDelayedScore.lua
  const until = (Date.now() + SENT_BACK_MS) * 0x1000;
  const ids = await queue.redis.zrangebyscore(queue.toKey('delayed'), 0, until, 'LIMIT', 0, MOST_WAITING);
  const found = await Promise.all(ids.map((id) => queue.getJob(id)));
  return found.filter((job) => job !== undefined && job.attemptsMade === 0) as readonly DumpJob[];
}

/** The running or due dump job of each target of a server. */
function dumpingOf(
  server: string | undefined,
  { active, waiting }: Dumping,
  now: Date,
): ReadonlyMap<string, DumpingFacts> {
  const dumping = new Map<string, DumpingFacts>();
  for (const job of [...waiting, ...active]) {
    // Anyone may have added a job with anything in it.
    const data = jobs.dump.safeParse(job.data).data;
    if (data === undefined || data.server !== server) continue;
    const dueAt = dueTime(job) ?? new Date(job.timestamp);
    const isRunning = active.includes(job);
    // The next run of a schedule waits for its time.
    if (!isRunning && dueAt > now) continue;
    const other = dumping.get(data.target)?.dueAt ?? dueAt;
    dumping.set(data.target, { id: job.id ?? '', isRunning, dueAt: other < dueAt ? other : dueAt });
  }
  return dumping;
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
