import { isConfirmedEverywhere } from '@pgstow/catalog/policy/is-confirmed.ts';
import { lastRestoreTest } from '@pgstow/catalog/policy/last-restore-test.ts';
import { newestByNow } from '@pgstow/catalog/policy/newest-dump.ts';
import { newestSuspect } from '@pgstow/catalog/policy/retention-policy.ts';
import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { recallDump, type RecalledDump } from '@pgstow/catalog/published/published-dump.ts';
import { nextRunBy, previousRun, type Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { freezeCauses, type PublishedDatabase } from '@pgstow/shared/contract/published-catalog.ts';
import type { DatabaseStatus } from '../../site/protection-policy.ts';
import type { SiteFacts } from '../../site/read-site.ts';
import type { SiteDatabase } from '../../site/site-status.ts';
import type { ServedServer } from '../../site/site.ts';
import { seconds, serverLabel, type FillMetrics, type MetricTable } from './metric-table.ts';

/** Fills the metrics of a database: of its backups only once a worker has published the folder. */
export function fillDatabaseMetrics(fill: FillMetrics, status: SiteDatabase): void {
  const { database, known, on: site, facts } = status;
  const labels = { ...serverLabel(site.server), database };
  fill(protectionMetrics, { ...status, ...facts, schedule: site.schedule }, labels);
  if (known === undefined) return;
  const dumps = known.dumps.map(recallDump);
  const counted = dumps.filter((dump) => !isSuspect(dump));
  fill(stageMetrics, { counted, destinations: site.destinations, now: facts.now }, labels);
  fill(newestDumpMetrics, status.health.newest?.dump, labels);
  fill(restoreTestMetrics, { ...status, known, restoreTests: site.restoreTests }, labels);
  fill(folderMetrics, known, labels);
  fill(pruningMetrics, { known, dumps, now: facts.now }, labels);
}

const protectionMetrics: MetricTable<DatabaseStatus & SiteFacts & Pick<ServedServer, 'schedule'>> = {
  pgstow_database_protected: [
    '1: a confirmed backup is there that is new enough, and nothing else is wrong; 0: not; 0.5: its first one is on its way.',
    ({ protection }) => ({ yes: 1, 'not-yet': 0.5, no: 0 })[protection],
  ],
  pgstow_newest_backup_timestamp_seconds: [
    'When the newest confirmed backup was taken: what a restore would bring back.',
    ({ health }) => seconds(health.newestConfirmed?.dump.takenAt),
  ],
  pgstow_expected_interval_seconds: [
    'Between two runs of the schedule, now.',
    ({ schedule, now }) => intervalSeconds(schedule, now),
  ],
  pgstow_next_run_timestamp_seconds: [
    'When it is dumped next.',
    ({ nextRuns, database }) => seconds(nextRuns.get(database)?.toISOString()),
  ],
};

type Counted = {
  /** Dumps that are not suspect. */
  readonly counted: readonly RecalledDump[];
  readonly destinations: readonly Destination[];
  readonly now: Date;
};

const stageMetrics: MetricTable<Counted> = {
  pgstow_last_success_timestamp_seconds: [
    'When the stage last succeeded: a dump was recorded, its upload confirmed, it was restored and found good. Suspect dumps count for none.',
    ({ counted, destinations, now }) => [
      [{ stage: 'dump' }, seconds(newestByNow(counted, now)?.dump.recordedAt)],
      [{ stage: 'upload' }, lastConfirmedSeconds(counted, destinations)],
      [{ stage: 'verify' }, seconds(lastRestoreTest(testsOf(counted).filter(isGood))?.testedAt)],
    ],
  ],
};

const newestDumpMetrics: MetricTable<RecalledDump['dump'] | undefined> = {
  pgstow_last_dump_bytes: ['Size of the newest dump, compressed.', (newest) => newest?.bytes],
  pgstow_last_dump_sql_bytes: ['Size of the SQL in the newest dump.', (newest) => newest?.sqlBytes],
  pgstow_last_dump_rows: ['Rows in the newest dump.', (newest) => newest?.rows],
  pgstow_last_dump_duration_seconds: ['How long the newest dump took.', (newest) => thousandth(newest?.durationMs)],
};

type Tested = Pick<DatabaseStatus, 'health'> &
  Pick<ServedServer, 'restoreTests'> & { readonly known: PublishedDatabase };

const restoreTestMetrics: MetricTable<Tested> = {
  pgstow_last_restore_duration_seconds: [
    'How long the last restore in a test took.',
    ({ known }) => {
      const restored = known.dumps.flatMap(({ restoreTests }) => restoreTests);
      return thousandth(lastRestoreTest(restored.filter(({ restoreMs }) => restoreMs !== undefined))?.restoreMs);
    },
  ],
  pgstow_restore_test_good: [
    'Whether the newest restore test with a verdict was good.',
    ({ health }) => health.newestRestoreTest && isGood(health.newestRestoreTest),
  ],
  pgstow_last_verdict_timestamp_seconds: [
    'When a restore test last came to a verdict, good or bad, on the newest dump that has one.',
    ({ health }) => seconds(health.lastVerdict?.testedAt),
  ],
  pgstow_restore_test_overdue: [
    'Whether no restore test has come to a verdict for longer than their schedule allows.',
    ({ health, restoreTests }) => (restoreTests.kind === 'off' ? undefined : health.untestedReason !== undefined),
  ],
};

const folderMetrics: MetricTable<PublishedDatabase> = {
  pgstow_backups: ['Dumps in the backup folder.', ({ count }) => count],
  pgstow_backups_bytes: ['Size of the dumps in the backup folder.', ({ bytes }) => bytes],
  pgstow_dumps_not_uploaded: ['Dumps that a destination has not confirmed.', ({ notUploaded }) => notUploaded.count],
  pgstow_oldest_dump_not_uploaded_timestamp_seconds: [
    'Since when the oldest of them waits.',
    ({ notUploaded }) => seconds(notUploaded.oldestRecordedAt),
  ],
};

type Pruned = { readonly known: PublishedDatabase; readonly dumps: readonly RecalledDump[]; readonly now: Date };

const pruningMetrics: MetricTable<Pruned> = {
  pgstow_newest_dump_suspect: [
    'Whether the newest dump has shrunk beyond belief or is of another server, and is not accepted.',
    ({ dumps, now }) => newestSuspect(dumps, now) !== undefined,
  ],
  pgstow_pruning_frozen: [
    'Whether nothing of the database is pruned, by the reason.',
    ({ known }) => freezeCauses.map((reason) => [{ reason }, known.frozenBy === reason]),
  ],
};

/** When the last of its destinations confirmed a dump. */
function lastConfirmedSeconds(
  dumps: readonly RecalledDump[],
  destinations: readonly Destination[],
): number | undefined {
  const times = dumps
    .filter((dump) => isConfirmedEverywhere(dump, destinations))
    .flatMap((dump) => {
      const confirmed = destinations.map(({ name }) => seconds(dump.receipts.get(name)?.confirmedAt) ?? 0);
      return confirmed.length === 0 ? [] : Math.max(...confirmed);
    });
  return times.length === 0 ? undefined : Math.max(...times);
}

function testsOf(dumps: readonly RecalledDump[]) {
  return dumps.flatMap(({ dump }) => dump.restoreTests);
}

function isGood({ result }: { readonly result: string }): boolean {
  return result === 'good';
}

function thousandth(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}

function intervalSeconds(schedule: Schedule, now: Date): number | undefined {
  if (schedule.kind === 'interval') return schedule.everyMs / 1000;
  const next = nextRunBy(schedule, now);
  return next && (next.getTime() - previousRun(schedule, now).getTime()) / 1000;
}
