import { describeDuration } from '@pgstow/catalog/policy/describe-duration.ts';
import type { AlarmRecord } from '@pgstow/notify/alarms/alarm-record.ts';
import type { AlarmKind } from '@pgstow/notify/notification.ts';
import { NAME_BEGINNINGS } from '@pgstow/shared/contract/backup-name.ts';
import type { FreezeCause, PublishedCatalog } from '@pgstow/shared/contract/published-catalog.ts';
import { describeTarget } from '@pgstow/shared/contract/target.ts';
import type { DatabaseStatus, SiteStatus } from '../../site/protection-policy.ts';
import type { ShownJob } from '../../site/read-jobs.ts';
import type { SiteFacts } from '../../site/read-site.ts';

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
function reports({ kind, database, reason }: AlarmRecord, job: ShownJob): boolean {
  return job.state === 'failed' && QUEUE_OF[kind] === job.queue && job.database === database && job.reason === reason;
}

/** Collects what is not as it should be and no alarm reports, the gravest first. */
export function collectNotices(
  facts: SiteFacts,
  status: SiteStatus,
  jobs: readonly ShownJob[],
  alarms: readonly AlarmRecord[],
): readonly Notice[] {
  const notices = [
    ...status.faults.map((text) => ({ isGrave: true, text: capital(text) })),
    ...jobs
      .filter((job) => job.state !== 'running' && !alarms.some((alarm) => reports(alarm, job)))
      .map((job) => noticeOfJob(job, status.databases, facts.now)),
    ...noticesOfFolder(facts.catalog, alarms),
  ];
  return notices.toSorted((a, b) => Number(b.isGrave) - Number(a.isGrave));
}

function noticeOfJob(job: ShownJob, databases: readonly DatabaseStatus[], now: Date): Notice {
  const { queue, state, database, reason = 'no reason is known', at } = job;
  const what = `${WHAT[queue]} of ${database ?? 'something that is not ours'}`;
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
function isAccepted({ queue, database, at }: ShownJob, databases: readonly DatabaseStatus[]): boolean {
  const test = databases.find((each) => each.database === database)?.health.newestRestoreTest;
  if (queue !== 'verify' || test?.result !== 'good' || test.acceptedAt === undefined) return false;
  return Date.parse(test.acceptedAt) > (at?.getTime() ?? 0);
}

/** Whether a later job of the same kind has succeeded. */
function isMadeUpFor({ queue, database, at }: ShownJob, databases: readonly DatabaseStatus[]): boolean {
  const health = databases.find((each) => each.database === database)?.health;
  const since = at?.getTime() ?? 0;
  const isLater = (time: string | undefined): boolean => time !== undefined && Date.parse(time) > since;
  const isDone: Readonly<Record<ShownJob['queue'], boolean>> = {
    dump: isLater(health?.newest?.manifest.recordedAt),
    upload: health?.newest !== undefined && health.newest === health.newestConfirmed,
    verify: health?.newestRestoreTest?.result === 'good' && isLater(health.newestRestoreTest.testedAt),
  };
  return isDone[queue];
}

function noticesOfFolder(catalog: PublishedCatalog | undefined, alarms: readonly AlarmRecord[]): readonly Notice[] {
  if (catalog === undefined) return [];
  const { freeBytes, totalBytes, strays, faults, faultCount } = catalog.folder;
  const percent = Math.floor((100 * freeBytes) / Math.max(1, totalBytes));
  return [
    ...catalog.databases.flatMap(({ database, frozen, frozenBy }) =>
      frozen === undefined || (frozenBy !== undefined && alarms.some(isOf(database, frozenBy)))
        ? []
        : [
            {
              isGrave: false,
              text: `Nothing of ${database} is pruned: ${frozen}`,
              hint: `See: pgstow prune ${describeTarget(database)} --dry-run`,
            },
          ],
    ),
    ...(freeBytes < totalBytes * LOW_DISK
      ? [
          {
            isGrave: false,
            text: `The disk of the backup folder is nearly full: ${percent} % is free`,
            hint: 'Free some space, or lower BACKUP_KEEP_LAST.',
          },
        ]
      : []),
    ...faults.map((fault) => ({ isGrave: false, text: `In the backup folder, ${fault}` })),
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
                ? 'A file in the backup folder has no manifest and does not count'
                : `${strays} files in the backup folder have no manifest and do not count`,
            hint: 'The dump worker adopts them at its start and every hour, if they stand up to proof; its log says why not.',
          },
        ]),
  ];
}

function isOf(database: string, frozenBy: FreezeCause): (alarm: AlarmRecord) => boolean {
  return (alarm) => alarm.database === database && FREEZES_OF[alarm.kind]?.includes(frozenBy) === true;
}

/** Capitalises a sentence, unless it begins with a file's name. */
export function capital(sentence: string): string {
  if (NAME_BEGINNINGS.some((beginning) => sentence.startsWith(beginning))) return sentence;
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
