import { START_MS, whyNotTaken, type DatabaseStatus } from './protection-policy.ts';
import type { SiteFacts } from './read-site.ts';
import type { Site } from './site.ts';

/** Time for runs that were missed while all was down: they are made up for without a notification. */
const CATCH_UP_MS = 60 * 60_000;

/** Whether people are notified that a database is not protected. */
export function notifiesOfBackups(
  { database, protection }: Pick<DatabaseStatus, 'database' | 'protection'>,
  site: Pick<Site, 'startedAt'>,
  facts: Pick<SiteFacts, 'now' | 'dumping' | 'queues'>,
): boolean {
  const isCatchingUp = facts.dumping.has(database) && mayCatchUp('dump', site, facts);
  return protection === 'no' && !isCatchingUp;
}

/** Whether people are notified that restore tests are overdue. */
export function notifiesOfTests(site: Pick<Site, 'startedAt'>, facts: Pick<SiteFacts, 'now' | 'queues'>): boolean {
  return !mayCatchUp('verify', site, facts);
}

/** Whether a missed run may still be made up for: within an hour of the start or, if no worker takes jobs, within two minutes. */
function mayCatchUp(
  queue: 'dump' | 'verify',
  { startedAt }: Pick<Site, 'startedAt'>,
  facts: Pick<SiteFacts, 'now' | 'queues'>,
): boolean {
  const sinceStartMs = facts.now.getTime() - startedAt.getTime();
  if (facts.queues.some(({ name, isPaused }) => name === queue && isPaused)) return false;
  return sinceStartMs < (whyNotTaken(queue, facts) === undefined ? CATCH_UP_MS : START_MS);
}
