import { setTimeout as delay } from 'node:timers/promises';
import { dumpResultSchema, uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { openQueue, type OpenQueue } from '@pgstow/shared/runtime/queue.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis.ts';
import prettyBytes from 'pretty-bytes';
import { startProgress, type Progress } from './show-progress.ts';

type DumpJob = NonNullable<Awaited<ReturnType<OpenQueue<'dump'>['getJob']>>>;
type Queues = { readonly dumps: OpenQueue<'dump'>; readonly uploads: OpenQueue<'upload'> };
type Show = (percent: number, text: string) => void;

const POLL_MS = 250;
/** A job that nobody takes for so long makes one ask whether there is a worker. */
const UNTAKEN_MS = 5000;

/**
 * Shows each dump's way to its confirmed uploads. Ending the process ends nothing else.
 *
 * @throws Error once all have ended, if any failed for good
 */
export async function followDumps(jobs: readonly DumpJob[], site: string, redis: RedisConnection): Promise<void> {
  await using dumps = openQueue('dump', site, redis);
  await using uploads = openQueue('upload', site, redis);
  using progress: Progress = startProgress();
  const ends = await Promise.allSettled(
    jobs.map((job) => followDump(job, { dumps, uploads }, progress.add(job.data.target))),
  );
  const faults = ends.flatMap((end, index) => {
    return end.status === 'rejected' ? [`${jobs[index]?.data.target}: ${describeError(end.reason)}`] : [];
  });
  if (faults.length > 0) throw new Error(faults.join('\n'));
}

async function followDump(job: DumpJob, { dumps, uploads }: Queues, show: Show): Promise<void> {
  const result = await followJob(dumps, job.id ?? '', 'dump', show);
  const { data: dump } = dumpResultSchema.safeParse(result);
  if (dump === undefined) throw new Error(`the dump job left no dump but ${JSON.stringify(result)}`);
  const what = `${dump.name}, ${prettyBytes(dump.bytes)}`;
  if (dump.destinations.length === 0) show(100, `${what}, local only: no destination is configured`);
  for (const destination of dump.destinations) {
    await followJob(uploads, uploadJobId(dump.name, destination), `upload to ${destination}`, show);
    show(100, `${what}, confirmed by ${destination}`);
  }
}

/** Waits for the end of a job and returns what it left. @throws Error if it failed for good or is not there */
async function followJob(
  queue: Pick<OpenQueue<'dump'> | OpenQueue<'upload'>, 'getJob' | 'getJobState' | 'getWorkersCount'>,
  id: string,
  stage: string,
  show: Show,
): Promise<unknown> {
  const since = Date.now();
  for (;;) {
    // The state first: a job that is read before it ends has no result yet.
    const state = await queue.getJobState(id);
    const job = await queue.getJob(id);
    if (job === undefined) throw new Error(`${stage}: job ${id} is not in Redis any more`);
    if (state === 'completed') return job.returnvalue;
    if (state === 'failed') throw new Error(`${stage} failed: ${job.failedReason}`);
    const percent = typeof job.progress === 'number' ? job.progress : 0;
    if (state === 'active') {
      show(percent, `${stage} runs`);
    } else if (job.attemptsMade > 0) {
      const attempt = `attempt ${job.attemptsMade} of ${job.opts.attempts ?? 1}`;
      show(percent, `${stage}: ${attempt} failed, the next follows within ${within(job.delay)}: ${job.failedReason}`);
    } else {
      const isUntaken = Date.now() - since > UNTAKEN_MS && (await queue.getWorkersCount()) === 0;
      show(percent, isUntaken ? `${stage} waits: no worker is running` : `${stage} waits`);
    }
    await delay(POLL_MS);
  }
}

function within(delayMs: number): string {
  return delayMs < 60_000 ? `${Math.ceil(delayMs / 1000)} s` : `${Math.ceil(delayMs / 60_000)} min`;
}
