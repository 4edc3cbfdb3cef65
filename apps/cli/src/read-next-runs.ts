import type { RedisConfig } from '@pgstow/shared/config/subjects/redis.ts';
import { scheduleId } from '@pgstow/shared/contract/jobs.ts';
import { scopeOf } from '@pgstow/shared/contract/scope.ts';
import { EVERY_DATABASE } from '@pgstow/shared/contract/target.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { readNextRuns as readPlanned } from '@pgstow/shared/runtime/jobs/next-runs.ts';
import { openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { readWantedSince, type WantedSince } from '@pgstow/shared/runtime/jobs/wanted-since.ts';
import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { answerWithin } from '@pgstow/shared/runtime/redis/answer-within.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis/redis.ts';
import { currentServer, showDatabase } from './servers/current-server.ts';

/** The next runs, and since when first backups and verdicts are waited for. */
export type NextRuns = {
  /** The next run of each database that has one. */
  readonly nextRuns: ReadonlyMap<string, Date>;
  readonly wantedSince: WantedSince;
  /** A sentence each. */
  readonly faults: readonly string[];
};

const ANSWERS_WITHIN_MS = 8000;

/**
 * Reads from Redis when each database is dumped next, and since when its first backup or verdict is waited for. If Redis does not
 * answer in time, that is one of the faults, and no error.
 *
 * @param scheduled those that have schedule entries of their own, see `scheduledTargets`
 */
export async function readNextRuns(
  databases: readonly string[],
  scheduled: readonly string[],
  redis: RedisConfig,
): Promise<NextRuns> {
  return answerWithin(ANSWERS_WITHIN_MS, askForNextRuns(databases, scheduled, redis)).catch((error: unknown) => ({
    nextRuns: new Map(),
    wantedSince: new Map(),
    faults: [`the next runs are not known: ${describeError(error)}`],
  }));
}

async function askForNextRuns(
  databases: readonly string[],
  scheduled: readonly string[],
  { url, site }: RedisConfig,
): Promise<NextRuns> {
  await using connection = await connectRedis(url, createLog('pgstow', 'silent', String));
  await using queue = openQueue('dump', site, connection);
  const nextRuns = new Map<string, Date>();
  const faults: string[] = [];
  if (await queue.isPaused())
    faults.push('the queue dump is paused: nothing is dumped until it is resumed on the board');
  const planned = await readPlanned(queue);
  const server = currentServer();
  for (const database of databases) {
    const next = planned.get(scheduleId(scheduled.includes(database) ? database : EVERY_DATABASE, server));
    if (next !== undefined) nextRuns.set(database, next);
  }
  for (const target of scheduled)
    if (!planned.has(scheduleId(target, server)))
      faults.push(`no run of ${showDatabase(target)} is planned: is the scheduler running?`);
  return { nextRuns, wantedSince: await readWantedSince(connection, scopeOf(site, server)), faults };
}
