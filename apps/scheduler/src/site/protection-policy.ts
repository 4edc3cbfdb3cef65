import { describeDuration } from '@pgstow/catalog/policy/describe-duration.ts';
import { judgeHealth, type Health } from '@pgstow/catalog/policy/health-policy.ts';
import { oldestAllowed } from '@pgstow/catalog/policy/oldest-allowed.ts';
import { recallDump, type RecalledDump } from '@pgstow/catalog/published/published-dump.ts';
import { goneFrom } from '@pgstow/shared/config/targets-of.ts';
import type { FoundDatabase } from '@pgstow/shared/contract/found-databases.ts';
import type { QueueName } from '@pgstow/shared/contract/jobs.ts';
import type { PublishedDatabase } from '@pgstow/shared/contract/published-catalog.ts';
import type { DumpingFacts, SiteFacts } from './read-site.ts';
import type { ServedServer, Site } from './site.ts';

/** `not-yet`: it has never had a backup, and its first one is due or on its way, but not for too long. */
export type Protection = 'yes' | 'not-yet' | 'no';

export type DatabaseStatus = {
  readonly database: string;
  readonly protection: Protection;
  /** Why it is not, or not yet, a sentence each. */
  readonly reasons: readonly string[];
  /** The one of these reasons that says that no backup is new enough; `undefined` if one is. */
  readonly staleReason: string | undefined;
  readonly health: Health<RecalledDump>;
  /** The workers' publication about it. */
  readonly known: PublishedDatabase | undefined;
};

/** A fault of a server or, if it is not one of this server alone, of the whole site. */
export type SiteFault = { readonly text: string; readonly isOfServer: boolean };

export type ServerStatus = {
  readonly databases: readonly DatabaseStatus[];
  /** Databases that are gone from the server; their backups stay. */
  readonly gone: readonly FoundDatabase[];
  readonly faults: readonly SiteFault[];
};

type Judged = Pick<ServedServer, 'asked' | 'schedule' | 'destinations' | 'restoreTests' | 'schedules'> &
  Pick<Site, 'startedAt'>;

/** Time for processes that start together to become ready. */
export const START_MS = 2 * 60_000;
/** Workers publish every ten minutes. */
const PUBLISHED_WITHIN_MS = 30 * 60_000;
const HOUR_MS = 60 * 60_000;
/** The longest wait for a first dump: an interval may be a week. */
const LONGEST_FIRST_MS = 25 * HOUR_MS;

/** Judges whether a server's databases are protected, and whether the site's processes are there to keep them so. */
export function judgeServer(site: Judged, facts: SiteFacts): ServerStatus {
  const isStarting = facts.now.getTime() - site.startedAt.getTime() < START_MS;
  const known = new Map(facts.catalog?.databases.map((each) => [each.database, each]));
  return {
    databases: facts.targets.map((database) => judgeDatabase(database, known.get(database), site, facts, isStarting)),
    gone: goneFrom(site.asked, facts.catalog?.found),
    faults: [
      ...faultsOf(true, site.schedules.fault === undefined ? [] : [site.schedules.fault]),
      ...faultsOf(
        false,
        facts.queues
          .filter(({ name, isPaused }) => isPaused && name !== 'verify')
          .map(({ name }) => describePause(name)),
      ),
      ...faultsOf(false, isStarting ? [] : findAbsent(site, facts)),
      ...faultsOf(true, findUnpublished(facts)),
    ],
  };
}

function faultsOf(isOfServer: boolean, texts: readonly string[]): readonly SiteFault[] {
  return texts.map((text) => ({ text, isOfServer }));
}

/** Says how to end a pause, which outlasts every restart. */
export function describePause(name: QueueName): string {
  return `the queue ${name} is paused; resume it on the board`;
}

/**
 * The earliest known time since when a database's first backup is waited for. A time from the future, by a clock that was ahead,
 * does not count.
 */
export function firstWantedAt(database: string, { startedAt }: Pick<Site, 'startedAt'>, facts: SiteFacts): Date {
  const { now, dumping, wantedSince } = facts;
  const times = [dumping.get(database)?.dueAt, wantedSince.get(database)?.backup];
  const past = times.flatMap((time) => (time === undefined || time > now ? [] : [time.getTime()]));
  return past.length === 0 ? startedAt : new Date(Math.min(...past));
}

/** The reason why no worker takes jobs of a queue; `undefined` if one may. */
export function whyNotTaken(queue: QueueName, { queues }: Pick<SiteFacts, 'queues'>): string | undefined {
  const facts = queues.find(({ name }) => name === queue);
  if (facts?.isPaused === true) return `the queue ${queue} is paused`;
  return facts?.workers === 0 ? `no ${queue} worker is connected` : undefined;
}

function judgeDatabase(
  database: string,
  known: DatabaseStatus['known'],
  site: Judged,
  facts: SiteFacts,
  isStarting: boolean,
): DatabaseStatus {
  const { now, catalog, dumping } = facts;
  const dumps = known?.dumps.map(recallDump) ?? [];
  const { schedule, destinations, restoreTests } = site;
  const verdictWantedSince = facts.wantedSince.get(database)?.verdict;
  const health = judgeHealth({ dumps, schedule, destinations, restoreTests, verdictWantedSince, now });
  const judged = (
    protection: Protection,
    reasons: readonly string[],
    staleReason = health.staleReason,
  ): DatabaseStatus => ({ database, protection, reasons, staleReason, health, known });
  if (health.isHealthy) return judged('yes', []);
  const unknown = catalog === undefined ? 'no worker has published the backup folder' : undefined;
  if (health.newestConfirmed === undefined) {
    const job = dumping.get(database);
    if (dumps.length === 0 && job !== undefined) {
      const overdue = whyFirstIsOverdue(job, firstWantedAt(database, site, facts), site, facts);
      if (overdue === undefined)
        return judged('not-yet', [`its first dump ${job.isRunning ? 'is running' : 'is due'}`]);
      const reason = `${unknown ?? health.staleReason}: ${overdue}`;
      return judged('no', [reason], reason);
    }
    if (dumps.length === 0 && catalog === undefined && isStarting)
      return judged('not-yet', ['no worker has published the backup folder yet']);
    // A dump that a clock which was ahead has recorded is no first dump: it would be waited for as long.
    const isFirst = dumps.every(({ manifest }) => Math.abs(now.getTime() - Date.parse(manifest.recordedAt)) < HOUR_MS);
    if (dumps.length > 0 && isFirst) return judged('not-yet', ['its first dump is there and not uploaded yet']);
  }
  return unknown === undefined ? judged('no', health.reasons) : judged('no', [unknown], unknown);
}

/**
 * The reason why a first dump is overdue. It may be as late as any backup, but at most a day and an hour, and an hour if no worker
 * takes it.
 */
function whyFirstIsOverdue(
  { isRunning }: DumpingFacts,
  wantedAt: Date,
  { schedule }: Judged,
  facts: SiteFacts,
): string | undefined {
  const { now } = facts;
  const nobody = whyNotTaken('dump', facts);
  const longestAgo = now.getTime() - (nobody === undefined ? LONGEST_FIRST_MS : HOUR_MS);
  if (wantedAt.getTime() > Math.max(longestAgo, oldestAllowed(schedule, now, HOUR_MS).getTime())) return undefined;
  const waits = `its first dump has been due for ${describeDuration(now.getTime() - wantedAt.getTime())}`;
  return `${waits}, and ${nobody ?? (isRunning ? 'runs still, or again' : 'no worker has taken it')}`;
}

/** Finds workers that are missing. A verify worker is needed for restore tests, an upload worker for a destination. */
function findAbsent({ destinations, restoreTests }: Judged, { queues }: SiteFacts): readonly string[] {
  const isNeeded: Record<QueueName, boolean> = {
    dump: true,
    upload: destinations.length > 0,
    verify: restoreTests.kind !== 'off',
  };
  return queues
    .filter(({ name, workers }) => isNeeded[name] && workers === 0)
    .map(({ name }) => `no ${name} worker is connected; start it, or see why it does not run`);
}

function findUnpublished({ catalog, now }: SiteFacts): readonly string[] {
  if (catalog === undefined) return [];
  const ageMs = now.getTime() - Date.parse(catalog.publishedAt);
  if (ageMs < PUBLISHED_WITHIN_MS) return [];
  return [`no worker has published the backup folder for ${describeDuration(ageMs)}`];
}
