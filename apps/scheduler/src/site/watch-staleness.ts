import { newestByNow } from '@pgstow/catalog/policy/newest-dump.ts';
import { whySuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { describeWhatIsSafe } from '@pgstow/catalog/policy/what-is-safe.ts';
import { recallDump } from '@pgstow/catalog/published/published-dump.ts';
import type { Alarms } from '@pgstow/notify/alarms/alarms.ts';
import { liftAcceptedTest } from '@pgstow/notify/alarms/restore-test-alarm.ts';
import { updateStaleAlarm } from '@pgstow/notify/alarms/stale-alarm.ts';
import { liftSuspect } from '@pgstow/notify/alarms/suspect-alarm.ts';
import { updateVerdictAgeAlarm } from '@pgstow/notify/alarms/verdict-age-alarm.ts';
import type { AlarmKind } from '@pgstow/notify/notification.ts';
import type { FoundDatabase } from '@pgstow/shared/contract/found-databases.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { EVERY_DATABASE } from '@pgstow/shared/contract/target.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { keepWantedSince, type First } from '@pgstow/shared/runtime/jobs/wanted-since.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import { repeat } from '@pgstow/shared/runtime/repeat.ts';
import { notifiesOfTests, notifiesOfBackups } from './notification-policy.ts';
import { firstWantedAt, type DatabaseStatus, type SiteStatus } from './protection-policy.ts';
import { readSiteStatus } from './read-site-status.ts';
import type { SiteFacts } from './read-site.ts';
import { answerOf } from './redis-answer.ts';
import type { Site } from './site.ts';

type Options = {
  readonly site: Site;
  readonly alarms: Pick<Alarms, 'raise' | 'lift' | 'standing'>;
  readonly log: Pick<Log, 'warn'>;
};

const EVERY_MS = 60_000;

/**
 * Judges each minute whether every database has a backup and a verdict of a restore test that are new enough, and raises or lifts
 * its alarms. The alarms of a suspect dump and of a bad restore test are raised by workers, and lifted here as well, because a
 * person accepts without a worker. Alarms of databases that are no longer configured end here.
 */
export function watchStaleness(options: Options): AsyncDisposable {
  return repeat(
    EVERY_MS,
    () => updateAlarms(options),
    (error) => options.log.warn({ err: describeError(error) }, 'could not judge how old the backups are'),
  );
}

async function updateAlarms({ site, alarms, log }: Options): Promise<void> {
  const { facts, databases, gone } = await readSiteStatus(site);
  const isKnown = facts.catalog !== undefined;
  for (const status of databases) {
    const { database, health, known } = status;
    const dumps = known?.dumps.map(recallDump) ?? [];
    const latest = newestByNow(dumps, facts.now);
    if (latest !== undefined)
      liftSuspect(alarms, {
        name: latest.dump.name,
        suspect: whySuspect(latest),
        isAccepted: latest.acceptance !== undefined,
      });
    if (health.newestRestoreTest !== undefined) liftAcceptedTest(alarms, health.newestRestoreTest);
    const newest = health.newestConfirmed?.dump.name;
    const safe = isKnown ? describeWhatIsSafe(dumps, site.destinations, facts.now) : 'that is not known.';
    const { untestedReason } = health;
    if (isKnown && (untestedReason === undefined || notifiesOfTests(site, facts)))
      updateVerdictAgeAlarm(alarms, { database, untestedReason, newest, safe }, facts.now);
    if (status.staleReason !== undefined && !notifiesOfBackups(status, site, facts)) continue;
    const freshness = { database, staleReason: status.staleReason, newest, safe };
    updateStaleAlarm(alarms, freshness, firstWantedAt(database, site, facts), facts.now);
  }
  const wanted = new Map(databases.map(({ database, health }) => [database, wantedOf(health)]));
  // A full Redis takes no note, and must not keep the alarms back.
  await answerOf(keepWantedSince(site.redis, site.name, wanted, facts.now)).catch((error: unknown) =>
    log.warn({ err: describeError(error) }, 'could not note since when backups and verdicts are waited for'),
  );
  await endForgotten(alarms, site, { gone, facts });
}

function wantedOf({ newestConfirmed, isVerdictWanted }: DatabaseStatus['health']): readonly First[] {
  if (newestConfirmed === undefined) return ['backup'];
  return isVerdictWanted ? ['verdict'] : [];
}

/** Alarms of what stays of a database that is gone: its backups. */
const OF_BACKUPS: ReadonlySet<AlarmKind> = new Set(['upload-failed', 'restore-test-bad']);

/** Ends the alarms of databases and destinations that are no longer configured: nothing else would. */
async function endForgotten(
  alarms: Pick<Alarms, 'lift' | 'standing'>,
  { asked, destinations }: Pick<Site, 'asked' | 'destinations'>,
  { gone, facts }: Pick<SiteStatus, 'gone'> & { readonly facts: SiteFacts },
): Promise<void> {
  // What patterns have found is not known then.
  if (asked.patterns.length > 0 && facts.catalog === undefined) return;
  for (const { kind, database, destination } of await alarms.standing()) {
    if (kind === 'site-silent') continue;
    if (destination !== undefined && destination !== LOCAL && destinations.every(({ name }) => name !== destination)) {
      const happened = `Nothing is copied to ${destination} any more.`;
      alarms.lift(kind, database, { at: facts.now, happened, destination });
      continue;
    }
    if (facts.targets.includes(database)) continue;
    if (database === EVERY_DATABASE) {
      // A look that failed is made up for by the next one alone.
      const happened = 'The server has said which databases it has.';
      if (kind === 'stale' || asked.patterns.length === 0) alarms.lift(kind, database, { at: facts.now, happened });
      continue;
    }
    const left = gone.find((each) => each.database === database);
    if (left !== undefined && OF_BACKUPS.has(kind)) continue;
    const happened = left === undefined ? 'POSTGRES_DB does not name it any more.' : describeGone(left);
    alarms.lift(kind, database, { at: facts.now, happened, isMoot: true, destination });
  }
}

function describeGone({ renamedTo }: FoundDatabase): string {
  return renamedTo === undefined
    ? 'It is gone from the server.'
    : `It was renamed to ${JSON.stringify(renamedTo)}, and is backed up by that name.`;
}
