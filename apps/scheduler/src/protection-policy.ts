import { describeDuration } from '@pgstow/catalog/describe-duration.ts';
import { judgeHealth, type Health } from '@pgstow/catalog/health-policy.ts';
import { recallDump, type RecalledDump } from '@pgstow/catalog/published-dump.ts';
import type { QueueName } from '@pgstow/shared/contract/jobs.ts';
import type { PublishedDatabase } from '@pgstow/shared/contract/published-catalog.ts';
import type { SiteFacts } from './read-site.ts';
import type { Site } from './site.ts';

/** `not-yet`: it never had a backup, and its first one is due or on its way. */
export type Protection = 'yes' | 'not-yet' | 'no';

export type DatabaseStatus = {
  readonly database: string;
  readonly protection: Protection;
  /** Why it is not, or not yet, a sentence each. */
  readonly reasons: readonly string[];
  readonly health: Health<RecalledDump>;
  /** What the workers published of it. */
  readonly known: PublishedDatabase | undefined;
};

export type SiteStatus = {
  readonly databases: readonly DatabaseStatus[];
  /** What keeps the whole site from being as it should be, a sentence each. */
  readonly faults: readonly string[];
};

type Judged = Pick<Site, 'targets' | 'schedule' | 'destination' | 'restoreTests' | 'startedAt'> & {
  readonly schedulesFault: string | undefined;
};

/** Processes that are started together need not be ready together. */
const START_MS = 2 * 60_000;
/** Workers publish every ten minutes. */
const PUBLISHED_WITHIN_MS = 30 * 60_000;
const FIRST_UPLOAD_MS = 60 * 60_000;

/** Whether the databases of a site are protected, and whether its processes are there to keep them so. */
export function judgeSite(site: Judged, facts: SiteFacts): SiteStatus {
  const isStarting = facts.now.getTime() - site.startedAt.getTime() < START_MS;
  return {
    databases: site.targets.map((database) => judgeDatabase(database, site, facts, isStarting)),
    faults: [
      ...(site.schedulesFault === undefined ? [] : [site.schedulesFault]),
      ...facts.queues
        .filter(({ name, isPaused }) => isPaused && name !== 'verify')
        .map(({ name }) => describePause(name)),
      ...(isStarting ? [] : findAbsent(site, facts)),
      ...findUnpublished(facts),
    ],
  };
}

/** A pause outlasts every restart. */
export function describePause(name: QueueName): string {
  return `the queue ${name} is paused; resume it on the board`;
}

function judgeDatabase(database: string, site: Judged, facts: SiteFacts, isStarting: boolean): DatabaseStatus {
  const { now, catalog, dumping } = facts;
  const known = catalog?.databases.find((each) => each.database === database);
  const dumps = known?.dumps.map(recallDump) ?? [];
  const health = judgeHealth({ dumps, schedule: site.schedule, destination: site.destination, now });
  const judged = (protection: Protection, reasons: readonly string[]): DatabaseStatus => {
    return { database, protection, reasons, health, known };
  };
  if (health.isHealthy) return judged('yes', []);
  if (health.newestConfirmed === undefined) {
    const job = dumping.get(database);
    if (dumps.length === 0 && job !== undefined)
      return judged('not-yet', [`its first dump ${job.isRunning ? 'is running' : 'is due'}`]);
    if (dumps.length === 0 && catalog === undefined && isStarting)
      return judged('not-yet', ['the workers have not said yet what there is of it']);
    const isFirst = dumps.every(({ manifest }) => now.getTime() - Date.parse(manifest.recordedAt) < FIRST_UPLOAD_MS);
    if (dumps.length > 0 && isFirst) return judged('not-yet', ['its first dump is there and not uploaded yet']);
  }
  return judged('no', catalog === undefined ? ['no worker has said what there is of it'] : health.reasons);
}

/** Without restore tests no verify worker is needed, and without a destination no upload worker. */
function findAbsent({ destination, restoreTests }: Judged, { queues }: SiteFacts): readonly string[] {
  const isNeeded: Record<QueueName, boolean> = {
    dump: true,
    upload: destination !== undefined,
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
  return [`no worker has said for ${describeDuration(ageMs)} what the backup folder holds`];
}
