import { dumpResultSchema, uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import prettyBytes from 'pretty-bytes';
import { startProgress, type Progress } from '../format/start-progress.ts';
import { followJob, type FollowOptions } from './follow-job.ts';

type DumpJob = NonNullable<Awaited<ReturnType<OpenQueue<'dump'>['getJob']>>>;
type Queues = { readonly dumps: OpenQueue<'dump'>; readonly uploads: OpenQueue<'upload'> };

/**
 * Shows how far each dump is, up to its confirmed uploads. Ending this ends no job.
 *
 * @throws Error once all have ended, if any failed for good; the signal's reason
 */
export async function followDumps(
  jobs: readonly DumpJob[],
  site: string,
  redis: RedisConnection,
  signal?: AbortSignal,
): Promise<void> {
  await using dumps = openQueue('dump', site, redis);
  await using uploads = openQueue('upload', site, redis);
  using progress: Progress = startProgress();
  const ends = await Promise.allSettled(
    jobs.map((job) => {
      const show = progress.add(job.data.target);
      return followDump(job, { dumps, uploads }, { show, signal });
    }),
  );
  signal?.throwIfAborted();
  const faults = ends.flatMap((end, index) => {
    return end.status === 'rejected' ? [`${jobs[index]?.data.target}: ${describeError(end.reason)}`] : [];
  });
  if (faults.length > 0) throw new Error(faults.join('\n'));
}

async function followDump(
  job: DumpJob,
  { dumps, uploads }: Queues,
  options: Omit<FollowOptions, 'stage'>,
): Promise<void> {
  const { show } = options;
  const result = await followJob(dumps, job.id ?? '', { ...options, stage: 'dump' });
  const { data: dump } = dumpResultSchema.safeParse(result);
  if (dump === undefined) throw new Error(`the dump job left no dump but ${JSON.stringify(result)}`);
  const what = `${dump.name}, ${prettyBytes(dump.bytes)}`;
  if (dump.destinations.length === 0) show(100, `${what}, local only: no destination is configured`);
  for (const destination of dump.destinations) {
    await followJob(uploads, uploadJobId(dump.name, destination), { ...options, stage: `upload to ${destination}` });
    show(100, `${what}, confirmed by ${destination}`);
  }
  if (dump.suspect !== undefined)
    throw new Error(
      `${dump.name} is suspect and does not count as a backup: ${dump.suspect}; pgstow accept if that is meant`,
    );
}
