import { judgeSiteSummary } from '@pgstow/catalog/policy/site-summary-policy.ts';
import { readAlarms } from '@pgstow/notify/alarms/alarm-state.ts';
import type { Alarms } from '@pgstow/notify/alarms/alarms.ts';
import type { SiteSummary } from '@pgstow/shared/contract/site-summary.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import { putSiteSummary, readSites } from '@pgstow/shared/runtime/redis/site-summaries.ts';
import { repeat } from '@pgstow/shared/runtime/repeat.ts';
import type { Protection } from './protection-policy.ts';
import { readSiteStatus } from './read-site-status.ts';
import { answerOf } from './redis-answer.ts';
import type { SiteStatus } from './site-status.ts';
import type { Site } from './site.ts';

/** The other sites, watched until this is disposed. */
export type WatchedSites = AsyncDisposable & {
  /** Whether this Redis serves other sites, too. */
  readonly areThere: boolean;
};

type Options = {
  readonly site: Site;
  readonly version: string;
  /** The alarms of a site: one that is silent raises none itself. Whichever scheduler sees that, the alarm is one. */
  readonly alarmsOf: (site: string) => Pick<Alarms, 'raise' | 'lift'>;
  readonly log: Pick<Log, 'warn'>;
};

const EVERY_MS = 60_000;
/** Databases of which a summary says why they are not protected. */
const MOST_DATABASES = 100;

/** Writes the summary of this site each minute, and raises an alarm for each other site that is silent. */
export function watchSites({ site, version, alarmsOf, log }: Options): WatchedSites {
  const { name, redis } = site;
  let areThere = false;
  const repeated = repeat(
    EVERY_MS,
    async () => {
      const [status, alarms] = await Promise.all([readSiteStatus(site), answerOf(readAlarms(redis, name))]);
      await answerOf(putSiteSummary(redis, name, summarise(status, alarms.length, version)));
      alarmsOf(name).lift('site-silent', name, { at: new Date(), happened: 'Its scheduler says again how it stands.' });
      const others = (await answerOf(readSites(redis))).filter((known) => known.site !== name);
      areThere = others.length > 0;
      for (const other of others) {
        const { silence } = judgeSiteSummary(other);
        if (silence === undefined) continue;
        const safe = 'its backups, where its folder and its destinations are.';
        alarmsOf(other.site).raise({ kind: 'site-silent', database: other.site, reason: silence, safe });
      }
    },
    (error) => log.warn({ err: describeError(error) }, 'could not say how this site stands, or read how others do'),
  );
  return {
    get areThere() {
      return areThere;
    },
    [Symbol.asyncDispose]: () => repeated[Symbol.asyncDispose](),
  };
}

function summarise(
  { databases, faults, namedFaults }: SiteStatus,
  alarms: number,
  version: string,
): Omit<SiteSummary, 'version' | 'writtenAt'> {
  const of = (wanted: Protection) => databases.filter(({ protection }) => protection === wanted);
  const newest = databases
    .flatMap(({ health }) => health.newestConfirmed?.manifest.takenAt ?? [])
    .sort()
    .at(-1);
  return {
    pgstow: version,
    databases: {
      total: databases.length,
      protected: of('yes').length,
      notYet: of('not-yet').length,
      notProtected: of('no').length,
    },
    newestBackupAt: newest,
    notProtected: of('no')
      .slice(0, MOST_DATABASES)
      .map(({ on, database, reasons }) => ({ server: on.server, database, reasons: [...reasons] })),
    faults: [...faults, ...namedFaults],
    alarms,
  };
}
