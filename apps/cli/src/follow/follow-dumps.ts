import { dumpResultSchema, foundResultSchema, uploadJobId, type FoundResult } from '@pgstow/shared/contract/jobs.ts';
import { EVERY_DATABASE, formatTarget } from '@pgstow/shared/contract/target.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import prettyBytes from 'pretty-bytes';
import { startProgress, type Progress } from '../format/start-progress.ts';
import { followJob, JobFailedError, type FollowOptions } from './follow-job.ts';

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
  const follow = async (asked: readonly AskedDump[]): Promise<readonly string[]> => {
    const faults = await Promise.all(
      asked.map(async ({ server, target, job }): Promise<readonly string[]> => {
        const name = formatTarget({ server, database: target });
        const options = { show: progress.add(name), signal };
        try {
          if (target === EVERY_DATABASE) {
            const found = await followFinding(dumps, job, options);
            return await follow(found.map((each) => ({ server, ...each })));
          }
          await followDump({ server, job }, { dumps, uploads }, options);
          return [];
        } catch (error) {
          return [`${name}: ${describeError(error)}`];
        }
      }),
    );
    return faults.flat();
  };
  const faults = await follow(jobs.map(({ id = '', data }) => ({ server: data.server, target: data.target, job: id })));
  signal?.throwIfAborted();
  if (faults.length > 0) throw new Error(faults.join('\n'));
}

type AskedDump = FoundResult['dumps'][number] & { readonly server: string | undefined };

/** @returns the dumps that it asked for */
async function followFinding(
  dumps: OpenQueue<'dump'>,
  job: string,
  options: Omit<FollowOptions, 'stage'>,
): Promise<FoundResult['dumps']> {
  const result = foundResultSchema.parse(await followJob(dumps, job, { ...options, stage: 'finding databases' }));
  options.show(100, `${result.dumps.length} dumps are requested`);
  return result.dumps;
}

async function followDump(
  { server, job }: Pick<AskedDump, 'server' | 'job'>,
  { dumps, uploads }: Queues,
  options: Omit<FollowOptions, 'stage'>,
): Promise<void> {
  const { show } = options;
  const result = await followJob(dumps, job, { ...options, stage: 'dump' });
  const { data: dump } = dumpResultSchema.safeParse(result);
  if (dump === undefined) throw new Error(`the dump job left no dump but ${JSON.stringify(result)}`);
  const what = `${dump.name}, ${prettyBytes(dump.bytes)}`;
  if (dump.destinations.length === 0) show(100, `${what}, local only: no destination is configured`);
  const faults: string[] = [];
  for (const destination of dump.destinations) {
    const stage = `upload to ${destination}`;
    try {
      await followJob(uploads, uploadJobId(dump.name, destination, server), { ...options, stage });
      show(100, `${what}, confirmed by ${destination}`);
    } catch (error) {
      // The others go on by themselves.
      if (!(error instanceof JobFailedError) || dump.destinations.length === 1) throw error;
      faults.push(`${stage}: ${describeError(error)}`);
    }
  }
  if (faults.length > 0) throw new Error(faults.join('\n'));
  if (dump.suspect !== undefined)
    throw new Error(
      `${dump.name} is suspect and does not count as a backup: ${dump.suspect}; pgstow accept if that is meant`,
    );
}
