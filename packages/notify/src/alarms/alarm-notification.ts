import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { formatTarget } from '@pgstow/shared/contract/target.ts';
import { isOfSite, shorten, showTarget, type AlarmKind, type Notification, type Severity } from '../notification.ts';
import type { AlarmKey } from './alarm-field.ts';

/** A fault that stands until something newer ends it. */
export type Alarm = {
  readonly kind: AlarmKind;
  /** `undefined`: that of stack.env. */
  readonly server?: string | undefined;
  /** The name of the site, of one that is silent. */
  readonly database: string;
  /** The destination that it is about, where it is about one. */
  readonly destination?: string | undefined;
  /** The dump in question. */
  readonly name?: BackupName | undefined;
  readonly reason: string;
  /** The remedy, where the reason's error names one. */
  readonly hint?: string | undefined;
  /** A sentence about the backups that the database has all the same. */
  readonly safe: string;
  /** Only a dump that was taken then or later ends the alarm. Default: now. */
  readonly since?: Date;
};

/** An event that ends an alarm. */
export type Recovery = {
  /** When the dump was taken that proves it. */
  readonly at: Date;
  readonly name?: BackupName | undefined;
  /** A sentence about the event. */
  readonly happened: string;
  /** Whether the database is no longer configured, so nothing was mended. */
  readonly isMoot?: boolean;
  /** The destination, of an alarm about one. */
  readonly destination?: string | undefined;
};

type Words = {
  readonly severity: Severity;
  /** @param place ` at NAME`, of an alarm about a destination other than that of `S3_BUCKET` */
  readonly title: (shown: string, place: string) => string;
  readonly happened: (reason: string, alarm: Alarm) => string;
  /** The hint if the reason has none. */
  readonly hint: (shown: string, alarm: Alarm) => string;
  readonly recovered: (shown: string, place: string) => string;
};

const WORDS: Readonly<Record<AlarmKind, Words>> = {
  'dump-failed': {
    severity: 'error',
    title: (shown) => `The dump of ${shown} failed`,
    happened: (reason) => `The dump failed, and is not tried again before its next run: ${reason}`,
    hint: (shown) => `See the log of its job on the board, mend the cause, and run: pgstow dump ${shown} --wait`,
    recovered: (shown) => `Dumps of ${shown} succeed again`,
  },
  'dump-suspect': {
    severity: 'error',
    title: (shown) => `A dump of ${shown} is SUSPECT`,
    happened: (reason, alarm) =>
      `${alarm.name ?? 'A dump'} is kept, but does not count as a backup: ${reason}. Nothing of ${showTarget(alarm)} is deleted meanwhile.`,
    hint: (shown, { server, name }) =>
      `Find out whether ${shown} lost data, the role that dumps lost rights, or it is the wrong server. If that is intended: pgstow accept ${formatTarget({ server, database: name ?? 'latest' })}. Otherwise mend it: the next dump of usual size ends this alarm.`,
    recovered: (shown) => `Dumps of ${shown} count again`,
  },
  'dump-shrunk': {
    severity: 'warning',
    title: (shown) => `A dump of ${shown} has shrunk`,
    happened: (reason, { name }) => `${name ?? 'A dump'} counts as a backup, but has far less in it: ${reason}.`,
    hint: (shown) => `Check whether ${shown} was meant to lose that. If so, there is nothing to do.`,
    recovered: (shown) => `Dumps of ${shown} are of usual size again`,
  },
  'upload-failed': {
    severity: 'error',
    title: (shown, place) => `The upload of a dump of ${shown}${place} failed`,
    happened: (reason, { name }) => `${name ?? 'A dump'} could not be uploaded: ${reason}`,
    hint: () => 'See the log of its job on the board. The upload worker enqueues it again every hour.',
    recovered: (shown, place) => `Dumps of ${shown} are uploaded again${place}`,
  },
  'restore-test-bad': {
    severity: 'critical',
    title: (shown) => `A backup of ${shown} is BAD`,
    happened: (reason, { name }) => `The restore test of ${name ?? 'a backup'} found it BAD: ${reason}`,
    hint: (shown) =>
      `Take a new dump, and see whether it is good: pgstow dump ${shown} --wait, then pgstow verify --database ${shown} --wait. A difference that you know, and that is no fault, can be accepted: pgstow accept`,
    recovered: (shown) => `Backups of ${shown} are GOOD again`,
  },
  'restore-test-failed': {
    severity: 'warning',
    title: (shown, place) => `Restore tests of ${shown}${place} come to no verdict`,
    happened: (reason) => `A restore test came to no verdict, and is not tried again before tomorrow: ${reason}`,
    hint: (shown) => `Mend the cause, and run: pgstow verify --database ${shown} --wait`,
    recovered: (shown, place) => `Restore tests of ${shown}${place} come to a verdict again`,
  },
  'restore-test-overdue': {
    severity: 'warning',
    title: (shown) => `Backups of ${shown} are not tested as they should be`,
    happened: (reason) => reason,
    hint: (shown) =>
      `See whether a verify worker runs, whether its queue is paused, and what its jobs say on the board. Then: pgstow verify --database ${shown} --wait`,
    recovered: (shown) => `Backups of ${shown} are tested again`,
  },
  stale: {
    severity: 'error',
    title: (shown) => `${shown} is not backed up as it should be`,
    happened: (reason) => reason,
    hint: () => 'See whether scheduler and workers run, and what failed: pgstow status, and the board.',
    recovered: (shown) => `${shown} is backed up again`,
  },
  'pruning-frozen': {
    severity: 'warning',
    title: (shown) => `Nothing of ${shown} is deleted any more`,
    happened: (reason) => `Pruning is stopped: ${reason}`,
    hint: (shown) =>
      `To see what is kept, and why: pgstow prune ${shown} --dry-run. The backup folder grows meanwhile.`,
    recovered: (shown) => `Old dumps of ${shown} are deleted again`,
  },
  'pruning-refused': {
    severity: 'warning',
    title: (shown) => `Old backups of ${shown} cannot be deleted where they are copied to`,
    happened: (reason) => `The destination refuses a deletion, which is tried again once a day: ${reason}`,
    hint: () =>
      'Give the access key the right to delete there, or remove the settings that say how many backups it keeps.',
    recovered: (shown) => `Old backups of ${shown} are deleted again where they are copied to`,
  },
  'source-twice': {
    severity: 'warning',
    title: (shown) => `${shown} is backed up twice`,
    happened: (reason) => reason,
    hint: () =>
      'Take one of the two out of TARGETS_FILE, or give each server its own address. The backups of both stay.',
    recovered: (shown) => `${shown} is backed up once`,
  },
  'targets-faulty': {
    severity: 'error',
    title: () => 'TARGETS_FILE has a fault',
    happened: (reason) => reason,
    hint: () => 'Mend the file: it is read again within seconds. See docs/servers.md.',
    recovered: () => 'TARGETS_FILE has no fault any more',
  },
  'site-silent': {
    severity: 'critical',
    title: (shown) => `The site ${shown} is silent`,
    happened: (reason) => `Nobody knows whether it is backed up, and it raises no alarm of its own: ${reason}`,
    hint: (shown) =>
      `See whether its host and its scheduler run. For a site that is no more: pgstow status --forget-site ${shown}`,
    recovered: (shown) => `The site ${shown} is heard of again`,
  },
};

/** @param at when the alarm is raised */
export function describeAlarm(alarm: Alarm, site: string, at: Date): Notification {
  const words = WORDS[alarm.kind];
  const shown = showTarget(alarm);
  return shorten({
    event: 'raised',
    severity: words.severity,
    kind: alarm.kind,
    site,
    server: alarm.server,
    database: databaseOf(alarm.kind, alarm.database),
    destination: alarm.destination,
    name: alarm.name,
    title: words.title(shown, placeIn(alarm)),
    happened: words.happened(alarm.reason, alarm),
    safe: alarm.safe,
    hint: alarm.hint ?? words.hint(shown, alarm),
    at: at.toISOString(),
  });
}

/** @param raisedAt when the alarm was raised, ISO 8601 */
export function describeRecovery(
  key: AlarmKey,
  { name, happened, isMoot = false }: Recovery,
  { site, raisedAt, now }: { readonly site: string; readonly raisedAt: string; readonly now: Date },
): Notification {
  const { kind, destination } = key;
  return shorten({
    event: 'recovered',
    severity: 'info',
    kind,
    site,
    server: key.server,
    database: databaseOf(kind, key.database),
    destination,
    name,
    title: isMoot
      ? `${showTarget(key)} is not backed up any more`
      : WORDS[kind].recovered(showTarget(key), placeIn(key)),
    happened,
    safe: isMoot ? 'Its backups stay.' : safeAfter(name),
    hint: `${isMoot ? 'Nothing, if that is intended' : 'Nothing'}. The alarm of ${raisedAt} is over.`,
    at: now.toISOString(),
  });
}

function databaseOf(kind: AlarmKind, database: string): string | undefined {
  return isOfSite(kind) ? undefined : database;
}

function placeIn({ destination }: Pick<AlarmKey, 'destination'>): string {
  return destination === undefined ? '' : ` at ${destination}`;
}

function safeAfter(name: BackupName | undefined): string {
  return name === undefined ? 'All is as it should be again.' : `${name}, and what was kept before it.`;
}

export function describeTest(site: string, now: Date): Notification {
  return shorten({
    event: 'test',
    severity: 'info',
    site,
    title: 'A test of the notifications of pgstow',
    happened: 'pgstow notify --test was run. Alarms of failed, missing and bad backups arrive like this.',
    safe: 'Nothing was touched.',
    hint: 'Nothing.',
    at: now.toISOString(),
  });
}
