import { newestByNow } from '@pgstow/catalog/policy/newest-dump.ts';
import { whySuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { describeWhatIsSafe } from '@pgstow/catalog/policy/what-is-safe.ts';
import { recallDump } from '@pgstow/catalog/published/published-dump.ts';
import type { Alarms } from '@pgstow/notify/alarms/alarms.ts';
import { liftAcceptedTest } from '@pgstow/notify/alarms/restore-test-alarm.ts';
import { updateStaleAlarm } from '@pgstow/notify/alarms/stale-alarm.ts';
import { liftSuspect } from '@pgstow/notify/alarms/suspect-alarm.ts';
import { updateVerdictAgeAlarm } from '@pgstow/notify/alarms/verdict-age-alarm.ts';
import { isOfSite, type AlarmKind } from '@pgstow/notify/notification.ts';
import type { FoundDatabase } from '@pgstow/shared/contract/found-databases.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { EVERY_DATABASE, formatTarget } from '@pgstow/shared/contract/target.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { keepWantedSince, type First } from '@pgstow/shared/runtime/jobs/wanted-since.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import { repeat } from '@pgstow/shared/runtime/repeat.ts';
import { notifiesOfTests, notifiesOfBackups } from './notification-policy.ts';
import { firstWantedAt, type DatabaseStatus } from './protection-policy.ts';
import { readSiteStatus } from './read-site-status.ts';
import { answerOf } from './redis-answer.ts';
import type { SiteDatabase, SiteStatus } from './site-status.ts';
import type { ServedServer, Site } from './site.ts';
import { findSourcesTwice } from './source-policy.ts';
import { updateTargetsAlarm } from './targets-alarm.ts';

type Options = {
  readonly site: Site;
  readonly alarms: Pick<Alarms, 'raise' | 'lift' | 'standing' | 'of'>;
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
  const status = await readSiteStatus(site);
  const now = new Date();
  for (const database of status.databases) updateDatabase(database, site, alarms.of(database.on.server));
  for (const { on } of status.servers) {
    const ours = status.databases.filter((each) => each.on === on);
    const wanted = new Map(ours.map(({ database, health }) => [database, wantedOf(health)]));
    // A full Redis takes no note, and must not keep the alarms back.
    await answerOf(keepWantedSince(site.redis, on.scope, wanted, now)).catch((error: unknown) =>
      log.warn({ err: describeError(error) }, 'could not note since when backups and verdicts are waited for'),
    );
  }
  raiseTargetsAlarms(site, alarms, status);
  await endForgotten(site, alarms, status, now);
}

/** Raises or lifts the alarms of one database. */
function updateDatabase(status: SiteDatabase, site: Site, alarms: Pick<Alarms, 'raise' | 'lift'>): void {
  const { database, health, known, on, facts } = status;
  const isKnown = facts.catalog !== undefined;
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
  const safe = isKnown ? describeWhatIsSafe(dumps, on.destinations, facts.now) : 'that is not known.';
  const { untestedReason } = health;
  if (isKnown && (untestedReason === undefined || notifiesOfTests(site, facts)))
    updateVerdictAgeAlarm(alarms, { database, untestedReason, newest, safe }, facts.now);
  if (status.staleReason !== undefined && !notifiesOfBackups(status, site, facts)) return;
  const freshness = { database, staleReason: status.staleReason, newest, safe };
  updateStaleAlarm(alarms, freshness, firstWantedAt(database, site, facts), facts.now);
}

/** Raises the alarms of TARGETS_FILE itself, and of what it names twice. */
function raiseTargetsAlarms(
  site: Site,
  alarms: Pick<Alarms, 'raise' | 'lift' | 'of'>,
  { databases }: SiteStatus,
): void {
  const fault = site.targetsFault();
  if (fault !== undefined) updateTargetsAlarm(alarms, site.name, fault);
  for (const { server, database, text } of findSourcesTwice(databases))
    alarms.of(server).raise({ kind: 'source-twice', database, reason: text, safe: 'the backups under both names.' });
}

function wantedOf({ newestConfirmed, isVerdictWanted }: DatabaseStatus['health']): readonly First[] {
  if (newestConfirmed === undefined) return ['backup'];
  return isVerdictWanted ? ['verdict'] : [];
}

/** Alarms of what stays of a database that is gone: its backups. */
const OF_BACKUPS: ReadonlySet<AlarmKind> = new Set(['upload-failed', 'restore-test-bad']);

/** Ends the alarms of databases and destinations that are no longer configured, and of TARGETS_FILE: nothing else would. */
async function endForgotten(
  site: Site,
  alarms: Pick<Alarms, 'raise' | 'lift' | 'standing'>,
  { servers, databases, gone }: SiteStatus,
  at: Date,
): Promise<void> {
  const twice = new Set(findSourcesTwice(databases).map(formatTarget));
  for (const { kind, server, database, destination } of await alarms.standing()) {
    const lift = (happened: string, isMoot = false) =>
      alarms.lift(kind, database, { at, happened, isMoot, destination }, server);
    if (kind === 'targets-faulty' && site.targetsFault() === undefined)
      updateTargetsAlarm(alarms, site.name, undefined);
    if (isOfSite(kind)) continue;
    const of = servers.find(({ on }) => on.server === server);
    if (of !== undefined && destination !== undefined && !isPlace(destination, of.on)) {
      lift(`Nothing is copied to ${destination} any more.`);
      continue;
    }
    // What patterns have found is not known then.
    if (of !== undefined && of.on.asked.patterns.length > 0 && of.facts.catalog === undefined) continue;
    if (of?.facts.targets.includes(database) === true) {
      if (kind === 'source-twice' && !twice.has(formatTarget({ server, database })))
        lift('No other server has the same database any more.');
    } else if (of !== undefined && database === EVERY_DATABASE) {
      // A look that failed is made up for by the next one alone.
      if (kind === 'stale' || of.on.asked.patterns.length === 0) lift('The server has said which databases it has.');
    } else {
      const left = gone.find((each) => each.on.server === server && each.database === database);
      if (left !== undefined && OF_BACKUPS.has(kind)) continue;
      const where = server === undefined ? 'POSTGRES_DB' : 'TARGETS_FILE';
      lift(left === undefined ? `${where} does not name it any more.` : describeGone(left), true);
    }
  }
}

function isPlace(name: string, { destinations }: ServedServer): boolean {
  return name === LOCAL || destinations.some((destination) => destination.name === name);
}

function describeGone({ renamedTo }: FoundDatabase): string {
  return renamedTo === undefined
    ? 'It is gone from the server.'
    : `It was renamed to ${JSON.stringify(renamedTo)}, and is backed up by that name.`;
}
