import { START_MS, whyNobodyTakes, type DatabaseStatus } from './protection-policy.ts';
import type { SiteFacts } from './read-site.ts';
import type { Site } from './site.ts';

/** What was missed while all was down is being made good: nobody is woken for it. */
const CATCH_UP_MS = 60 * 60_000;

/** Whether people are to be told that a database is not protected. */
export function isToBeTold(
  { database, protection }: Pick<DatabaseStatus, 'database' | 'protection'>,
  site: Pick<Site, 'startedAt'>,
  facts: Pick<SiteFacts, 'now' | 'dumping' | 'queues'>,
): boolean {
  const isCatchingUp = facts.dumping.has(database) && mayCatchUp('dump', site, facts);
  return protection === 'no' && !isCatchingUp;
}

/** Whether people are to be told that restore tests are not made as they should be. */
export function isTestToBeTold(site: Pick<Site, 'startedAt'>, facts: Pick<SiteFacts, 'now' | 'queues'>): boolean {
  return !mayCatchUp('verify', site, facts);
}

/** Whether a run that was missed may still be made up for: in the first hour or, where nobody takes it, for the two minutes that workers have to come. */
function mayCatchUp(
  queue: 'dump' | 'verify',
  { startedAt }: Pick<Site, 'startedAt'>,
  facts: Pick<SiteFacts, 'now' | 'queues'>,
): boolean {
  const sinceStartMs = facts.now.getTime() - startedAt.getTime();
  if (facts.queues.some(({ name, isPaused }) => name === queue && isPaused)) return false;
  return sinceStartMs < (whyNobodyTakes(queue, facts) === undefined ? CATCH_UP_MS : START_MS);
}
