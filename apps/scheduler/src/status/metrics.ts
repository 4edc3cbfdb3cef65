import { isConfirmed } from '@pgstow/catalog/policy/is-confirmed.ts';
import { newestByNow } from '@pgstow/catalog/policy/newest-dump.ts';
import { newestSuspect } from '@pgstow/catalog/policy/retention-policy.ts';
import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { recallDump } from '@pgstow/catalog/published/published-dump.ts';
import { nextRunBy, previousRun, type Schedule } from '@pgstow/shared/config/schedule.ts';
import { freezeCauses, type PublishedDump } from '@pgstow/shared/contract/published-catalog.ts';
import { readJobHistory, type JobHistory } from '@pgstow/shared/runtime/job-history.ts';
import { Counter, Gauge, Registry } from 'prom-client';
import type { DatabaseStatus } from '../site/protection-policy.ts';
import { readSiteStatus } from '../site/read-site-status.ts';
import type { SiteFacts } from '../site/read-site.ts';
import { answerOf } from '../site/redis-answer.ts';
import type { Site } from '../site/site.ts';

export type MetricsAnswer = { readonly contentType: string; readonly text: string };

/**
 * What Prometheus is told, all of it from what lies in Redis now: a process that has just started tells the same as one that
 * runs for a year. While Redis does not answer, it is told that alone.
 */
export async function renderMetrics(site: Site, version: string): Promise<MetricsAnswer> {
  const registry = new Registry();
  const gauge = gaugesOf(registry);
  gauge(
    'pgstow_build_info',
    'Always 1; its labels say what runs.',
    { version, node: process.versions.node, site: site.name },
    1,
  );
  const read = await Promise.all([readSiteStatus(site), answerOf(readJobHistory(site.redis, site.name))]).catch(
    () => undefined,
  );
  gauge('pgstow_redis_up', 'Whether Redis answers. If not, nothing else is told.', {}, Number(read !== undefined));
  if (read !== undefined) {
    const [{ facts, databases, faults }, history] = read;
    gauge(
      'pgstow_site_faults',
      'What keeps the whole site from being as it should be: see /healthz.',
      {},
      faults.length,
    );
    tellQueues(gauge, facts);
    tellFolder(gauge, facts);
    for (const status of databases) tellDatabase(gauge, status, site, facts);
    tellHistory(gauge, registry, site, history);
  }
  return { contentType: registry.contentType, text: await registry.metrics() };
}

type Labels = Readonly<Record<string, string>>;
type TellGauge = (name: string, help: string, labels: Labels, value: number | undefined) => void;

/** A value that is not known is not told. */
function gaugesOf(registry: Registry): TellGauge {
  const gauges = new Map<string, Gauge>();
  return (name, help, labels, value) => {
    if (value === undefined || !Number.isFinite(value)) return;
    let gauge = gauges.get(name);
    if (gauge === undefined) {
      gauge = new Gauge({ name, help, labelNames: Object.keys(labels), registers: [registry] });
      gauges.set(name, gauge);
    }
    gauge.set(labels, value);
  };
}

function tellQueues(gauge: TellGauge, { queues }: SiteFacts): void {
  for (const { name: queue, isPaused, workers, counts } of queues) {
    gauge('pgstow_queue_paused', 'Whether the queue is paused.', { queue }, Number(isPaused));
    gauge('pgstow_workers', 'Workers that are connected, by the queue that they serve.', { queue }, workers);
    for (const [state, count] of Object.entries(counts))
      gauge('pgstow_queue_jobs', 'Jobs in the queue, by state.', { queue, state }, count);
  }
}

function tellFolder(gauge: TellGauge, { catalog }: SiteFacts): void {
  if (catalog === undefined) return;
  const { folder, publishedAt } = catalog;
  gauge(
    'pgstow_catalog_published_timestamp_seconds',
    'When a worker last said what the backup folder holds.',
    {},
    seconds(publishedAt),
  );
  gauge('pgstow_folder_free_bytes', 'Free on the disk of the backup folder.', {}, folder.freeBytes);
  gauge('pgstow_folder_size_bytes', 'Size of the disk of the backup folder.', {}, folder.totalBytes);
  gauge('pgstow_folder_strays', 'Files with a dump’s name and no manifest.', {}, folder.strays);
  gauge('pgstow_folder_faults', 'Files in the backup folder that do not count.', {}, folder.faultCount);
}

function tellDatabase(
  gauge: TellGauge,
  { database, protection, health, known }: DatabaseStatus,
  site: Site,
  facts: SiteFacts,
): void {
  const labels = { database };
  const { destination } = site;
  const newest = health.newest?.dump;
  const success = (stage: string, at: string | undefined): void =>
    gauge(
      'pgstow_last_success_timestamp_seconds',
      'When the stage last succeeded: a dump was recorded, its upload confirmed, it was restored and found good. Suspect dumps count for none.',
      { database, stage },
      seconds(at),
    );
  gauge(
    'pgstow_database_protected',
    '1: a confirmed backup is there that is new enough, and nothing else is wrong; 0: not; 0.5: its first one is on its way.',
    labels,
    { yes: 1, 'not-yet': 0.5, no: 0 }[protection],
  );
  gauge(
    'pgstow_newest_backup_timestamp_seconds',
    'When the newest confirmed backup was taken: what a restore would bring back.',
    labels,
    seconds(health.newestConfirmed?.dump.takenAt),
  );
  gauge(
    'pgstow_expected_interval_seconds',
    'Between two runs of the schedule, now.',
    labels,
    intervalSeconds(site.schedule, facts.now),
  );
  gauge(
    'pgstow_next_run_timestamp_seconds',
    'When it is dumped next.',
    labels,
    seconds(facts.nextRuns.get(database)?.toISOString()),
  );
  if (known === undefined) return;
  const recalled = known.dumps.map(recallDump);
  const counted = recalled.filter((dump) => !isSuspect(dump));
  success('dump', newestByNow(counted, facts.now)?.dump.recordedAt);
  if (destination !== undefined)
    success(
      'upload',
      latest(
        counted.filter((dump) => isConfirmed(dump, destination)).map(({ dump }) => confirmedAt(dump, destination.name)),
      ),
    );
  success(
    'verify',
    latest(
      counted.flatMap(({ dump }) =>
        dump.restoreTests.filter(({ result }) => result === 'good').map(({ testedAt }) => testedAt),
      ),
    ),
  );
  gauge('pgstow_last_dump_bytes', 'Size of the newest dump, compressed.', labels, newest?.bytes);
  gauge('pgstow_last_dump_sql_bytes', 'Size of the SQL in the newest dump.', labels, newest?.sqlBytes);
  gauge('pgstow_last_dump_rows', 'Rows in the newest dump.', labels, newest?.rows);
  gauge(
    'pgstow_last_dump_duration_seconds',
    'How long the newest dump took.',
    labels,
    newest?.durationMs === undefined ? undefined : newest.durationMs / 1000,
  );
  const restoreMs = newestTest(known.dumps, ({ restoreMs }) => restoreMs !== undefined)?.restoreMs;
  gauge(
    'pgstow_last_restore_duration_seconds',
    'How long the last restore in a test took.',
    labels,
    restoreMs === undefined ? undefined : restoreMs / 1000,
  );
  const verdict = health.newestRestoreTest?.result;
  gauge(
    'pgstow_restore_test_good',
    'Whether the newest restore test with a verdict was good.',
    labels,
    verdict === undefined ? undefined : Number(verdict === 'good'),
  );
  gauge(
    'pgstow_last_verdict_timestamp_seconds',
    'When a restore test last came to a verdict, good or bad, on the newest dump that has one.',
    labels,
    seconds(health.lastVerdict?.testedAt),
  );
  gauge(
    'pgstow_restore_test_overdue',
    'Whether no restore test has come to a verdict for longer than their schedule allows.',
    labels,
    site.restoreTests.kind === 'off' ? undefined : Number(health.untestedReason !== undefined),
  );
  gauge('pgstow_backups', 'Dumps in the backup folder.', labels, known.count);
  gauge('pgstow_backups_bytes', 'Size of the dumps in the backup folder.', labels, known.bytes);
  gauge('pgstow_dumps_not_uploaded', 'Dumps that the destination has not confirmed.', labels, known.notUploaded.count);
  gauge(
    'pgstow_oldest_dump_not_uploaded_timestamp_seconds',
    'Since when the oldest of them waits.',
    labels,
    seconds(known.notUploaded.oldestRecordedAt),
  );
  gauge(
    'pgstow_newest_dump_suspect',
    'Whether the newest dump has shrunk beyond belief or is of another server, and nobody has accepted it.',
    labels,
    Number(newestSuspect(recalled, facts.now) !== undefined),
  );
  for (const reason of freezeCauses)
    gauge(
      'pgstow_pruning_frozen',
      'Whether nothing of the database is pruned, by the reason.',
      { database, reason },
      Number(known.frozenBy === reason),
    );
}

function tellHistory(
  gauge: TellGauge,
  registry: Registry,
  { targets }: Site,
  { attempts, failures }: JobHistory,
): void {
  for (const { stage, database, at } of attempts) {
    if (!targets.includes(database)) continue;
    gauge(
      'pgstow_last_attempt_timestamp_seconds',
      'When an attempt at the stage last began.',
      { database, stage },
      at.getTime() / 1000,
    );
  }
  const counter = new Counter({
    name: 'pgstow_failures_total',
    help: 'Attempts that failed, by stage and kind of error; PermanentError is not tried again.',
    labelNames: ['database', 'stage', 'reason'],
    registers: [registry],
  });
  for (const { database, stage, reason, count } of failures)
    if (targets.includes(database)) counter.inc({ database, stage, reason }, count);
}

type RestoreTest = PublishedDump['restoreTests'][number];

function newestTest(
  dumps: readonly PublishedDump[],
  isWanted: (test: RestoreTest) => boolean,
): RestoreTest | undefined {
  const tests = dumps.flatMap(({ restoreTests }) => restoreTests.filter(isWanted));
  return tests.toSorted((a, b) => Date.parse(b.testedAt) - Date.parse(a.testedAt))[0];
}

function confirmedAt({ receipts }: PublishedDump, destination: string): string {
  return receipts.find((receipt) => receipt.destination === destination)?.confirmedAt ?? '';
}

function latest(times: readonly string[]): string | undefined {
  return times.toSorted((a, b) => Date.parse(b) - Date.parse(a))[0];
}

function seconds(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time) / 1000;
}

function intervalSeconds(schedule: Schedule, now: Date): number | undefined {
  if (schedule.kind === 'interval') return schedule.everyMs / 1000;
  const next = nextRunBy(schedule, now);
  return next === undefined ? undefined : (next.getTime() - previousRun(schedule, now).getTime()) / 1000;
}
