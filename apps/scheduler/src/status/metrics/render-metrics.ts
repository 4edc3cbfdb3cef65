import { readJobHistory } from '@pgstow/shared/runtime/jobs/job-history.ts';
import { Counter, Registry } from 'prom-client';
import { readSiteStatus } from '../../site/read-site-status.ts';
import { answerOf } from '../../site/redis-answer.ts';
import type { Site } from '../../site/site.ts';
import { fillDatabaseMetrics } from './database-metrics.ts';
import { fillMetricsIn } from './metric-table.ts';
import { attemptMetrics, folderMetrics, queueMetrics } from './site-metrics.ts';

export type MetricsAnswer = { readonly contentType: string; readonly text: string };

/**
 * The metrics for Prometheus. All come from what Redis holds now, so a process that has just started answers the same as one
 * that has run for a year. While Redis does not answer, `pgstow_redis_up` says so and the others are left out.
 */
export async function renderMetrics(site: Site, version: string): Promise<MetricsAnswer> {
  const registry = new Registry();
  const fill = fillMetricsIn(registry);
  const read = await Promise.all([readSiteStatus(site), answerOf(readJobHistory(site.redis, site.name))]).catch(
    () => undefined,
  );
  const labels = { version, node: process.versions.node, site: site.name };
  fill({ pgstow_build_info: ['Always 1; its labels say what runs.', () => 1] }, undefined, labels);
  fill(
    { pgstow_redis_up: ['Whether Redis answers. If not, all other metrics are missing.', () => read !== undefined] },
    undefined,
  );
  if (read !== undefined) {
    const [{ facts, databases, faults }, { attempts, failures }] = read;
    const help = 'Faults of the whole site: see /healthz.';
    fill({ pgstow_site_faults: [help, () => faults.length] }, undefined);
    for (const queue of facts.queues) fill(queueMetrics, queue, { queue: queue.name });
    if (facts.catalog !== undefined) fill(folderMetrics, facts.catalog);
    for (const status of databases) fillDatabaseMetrics(fill, status, site, facts);
    const isOurs = ({ database }: { readonly database: string }): boolean => facts.targets.includes(database);
    for (const attempt of attempts.filter(isOurs)) {
      const { database, stage } = attempt;
      fill(attemptMetrics, attempt, { database, stage });
    }
    const counter = new Counter({
      name: 'pgstow_failures_total',
      help: 'Attempts that failed, by stage and kind of error; PermanentError is not tried again.',
      labelNames: ['database', 'stage', 'reason'],
      registers: [registry],
    });
    for (const { database, stage, reason, count } of failures.filter(isOurs))
      counter.inc({ database, stage, reason }, count);
  }
  return { contentType: registry.contentType, text: await registry.metrics() };
}
