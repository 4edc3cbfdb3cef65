import { describeDuration } from '@pgstow/catalog/policy/describe-duration.ts';
import type { AlarmRecord } from '@pgstow/notify/alarms/alarm-record.ts';
import type { AlarmKind } from '@pgstow/notify/notification.ts';
import { NAME_BEGINNINGS } from '@pgstow/shared/contract/backup-name.ts';
import type { FreezeCause } from '@pgstow/shared/contract/published-catalog.ts';
import { formatTarget } from '@pgstow/shared/contract/target.ts';
import type { ShownJob } from '../../site/read-jobs.ts';
import type { ServerFacts } from '../../site/read-site.ts';
import type { SiteDatabase, SiteStatus } from '../../site/site-status.ts';

/** Something that a person should know of, and what to do about it. */
export type Notice = {
  readonly isGrave: boolean;
  readonly text: string;
  readonly hint?: string | undefined;
  /** The job that it concerns. */
  readonly job?: ShownJob;
};

const WHAT: Readonly<Record<ShownJob['queue'], string>> = { dump: 'dump', upload: 'upload', verify: 'restore test' };
const HINTS: Readonly<Record<ShownJob['queue'], string>> = {
  dump: 'See the log of its job, mend the cause, and back up now.',
  upload: 'See the log of its job. The upload worker asks for it again every hour.',
  verify: 'See the log of its job.',
};
const LOW_DISK = 0.1;
/** The freezes that an alarm reports as well, by its kind. */
const FREEZES_OF: Partial<Record<AlarmKind, readonly FreezeCause[]>> = {
  'dump-suspect': ['shrink'],
  'pruning-frozen': ['clock', 'unreadable'],
};

/** A standing alarm, and its job while Redis has it. */
export type ShownAlarm = { readonly alarm: AlarmRecord; readonly job: ShownJob | undefined };

/** Finds the jobs of alarms. */
export function showAlarms(alarms: readonly AlarmRecord[], jobs: readonly ShownJob[]): readonly ShownAlarm[] {
  return alarms.map((alarm) => ({ alarm, job: jobs.find((job) => reports(alarm, job)) }));
}

/** The queue whose failed jobs raise an alarm. */
const QUEUE_OF: Partial<Record<AlarmKind, ShownJob['queue']>> = {
  'dump-failed': 'dump',
  'upload-failed': 'upload',
  'restore-test-failed': 'verify',
};

/** Whether an alarm reports that a job failed for good. */
function reports({ kind, server, database, reason }: AlarmRecord, job: ShownJob): boolean {
  const isOf = job.server === server && job.database === database;
  return job.state === 'failed' && QUEUE_OF[kind] === job.queue && isOf && job.reason === reason;
}

/** Collects what is not as it should be and no alarm reports, the gravest first. */
export function collectNotices(
  status: SiteStatus,
  jobs: readonly ShownJob[],
  alarms: readonly AlarmRecord[],
  now: Date,
): readonly Notice[] {
  const notices = [
    ...[...status.faults, ...withoutAlarms(status.namedFaults, alarms)].map((text) => ({
      isGrave: true,
      text: capital(text),
    })),
    ...jobs
      .filter((job) => job.state !== 'running' && !alarms.some((alarm) => reports(alarm, job)))
      .map((job) => noticeOfJob(job, status.databases, now)),
    ...status.servers.flatMap((each) => noticesOfFolder(each, alarms)),
  ];
  return notices.toSorted((a, b) => Number(b.isGrave) - Number(a.isGrave));
}

function noticeOfJob(job: ShownJob, databases: readonly SiteDatabase[], now: Date): Notice {
  const { queue, state, server, database, reason = 'no reason is known', at } = job;
  const of = database === undefined ? 'something that is not ours' : formatTarget({ server, database });
  const what = `${WHAT[queue]} of ${of}`;
  if (state === 'retried') {
    const ms = (at ?? now).getTime() - now.getTime();
    const when = ms <= 0 ? 'now' : `in ${describeDuration(ms)}`;
    return {
      isGrave: false,
      text: `An attempt at the ${what} failed: ${reason}`,
      hint: `It is tried again ${when}. ${job.hint ?? ''}`,
      job,
    };
  }
  const ago = at === undefined ? '' : ` ${describeDuration(now.getTime() - at.getTime())} ago`;
  const text = `The ${what} failed${ago}: ${reason}`;
  if (isAccepted(job, databases))
    return { isGrave: false, text, hint: 'What it found was accepted: there is nothing to do.', job };
  if (isMadeUpFor(job, databases))
    return { isGrave: false, text, hint: 'A later one succeeded: there is nothing to do.', job };
  return { isGrave: true, text, hint: job.hint ?? HINTS[queue], job };
}

/** Whether a person has accepted since what a restore test found. */
function isAccepted({ queue, server, database, at }: ShownJob, databases: readonly SiteDatabase[]): boolean {
  const test = databases.find(isTarget(server, database))?.health.newestRestoreTest;
  if (queue !== 'verify' || test?.result !== 'good' || test.acceptedAt === undefined) return false;
  return Date.parse(test.acceptedAt) > (at?.getTime() ?? 0);
}

/** Whether a later job of the same kind has succeeded. */
function isMadeUpFor({ queue, server, database, at }: ShownJob, databases: readonly SiteDatabase[]): boolean {
  const health = databases.find(isTarget(server, database))?.health;
  const since = at?.getTime() ?? 0;
  const isLater = (time: string | undefined): boolean => time !== undefined && Date.parse(time) > since;
  const isDone: Readonly<Record<ShownJob['queue'], boolean>> = {
    dump: isLater(health?.newest?.manifest.recordedAt),
    upload: health?.newest !== undefined && health.newest === health.newestConfirmed,
    verify: health?.newestRestoreTest?.result === 'good' && isLater(health.newestRestoreTest.testedAt),
  };
  return isDone[queue];
}

function isTarget(server: string | undefined, database: string | undefined): (of: SiteDatabase) => boolean {
  return (each) => each.on.server === server && each.database === database;
}

/** Faults that no alarm reports. */
function withoutAlarms(faults: readonly string[], alarms: readonly AlarmRecord[]): readonly string[] {
  return faults.filter((text) => !alarms.some(({ reason }) => reason === text));
}

function noticesOfFolder(
  { on: { server }, facts: { catalog } }: ServerFacts,
  alarms: readonly AlarmRecord[],
): readonly Notice[] {
  if (catalog === undefined) return [];
  const ofFolder = server === undefined ? 'the backup folder' : `the backup folder of ${server}`;
  const { freeBytes, totalBytes, strays, faults, faultCount } = catalog.folder;
  const percent = Math.floor((100 * freeBytes) / Math.max(1, totalBytes));
  return [
    ...catalog.databases.flatMap(({ database, frozen, frozenBy }) =>
      frozen === undefined || (frozenBy !== undefined && alarms.some(isOf(server, database, frozenBy)))
        ? []
        : [
            {
              isGrave: false,
              text: `Nothing of ${formatTarget({ server, database })} is pruned: ${frozen}`,
              hint: `See: pgstow prune ${formatTarget({ server, database })} --dry-run`,
            },
          ],
    ),
    ...(freeBytes < totalBytes * LOW_DISK
      ? [
          {
            isGrave: false,
            text: `The disk of ${ofFolder} is nearly full: ${percent} % is free`,
            hint: 'Free some space, or lower BACKUP_KEEP_LAST.',
          },
        ]
      : []),
    ...faults.map((fault) => ({ isGrave: false, text: `In ${ofFolder}, ${fault}` })),
    ...(faultCount > faults.length
      ? [{ isGrave: false, text: `and ${faultCount - faults.length} more of the kind` }]
      : []),
    ...(strays === 0
      ? []
      : [
          {
            isGrave: false,
            text:
              strays === 1
                ? `A file in ${ofFolder} has no manifest and does not count`
                : `${strays} files in ${ofFolder} have no manifest and do not count`,
            hint: 'The dump worker adopts them at its start and every hour, if they stand up to proof; its log says why not.',
          },
        ]),
  ];
}

function isOf(server: string | undefined, database: string, frozenBy: FreezeCause): (alarm: AlarmRecord) => boolean {
  return (alarm) =>
    alarm.server === server && alarm.database === database && FREEZES_OF[alarm.kind]?.includes(frozenBy) === true;
}

/** Capitalises a sentence, unless it begins with a file's name. */
export function capital(sentence: string): string {
  if (NAME_BEGINNINGS.some((beginning) => sentence.startsWith(beginning))) return sentence;
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
