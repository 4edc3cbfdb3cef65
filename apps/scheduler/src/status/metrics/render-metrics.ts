import { readJobHistory, type JobHistory } from '@pgstow/shared/runtime/jobs/job-history.ts';
import { Counter, Registry } from 'prom-client';
import { readSiteStatus } from '../../site/read-site-status.ts';
import { answerOf } from '../../site/redis-answer.ts';
import type { Site } from '../../site/site.ts';
import { fillDatabaseMetrics } from './database-metrics.ts';
import { fillMetricsIn, serverLabel } from './metric-table.ts';
import { attemptMetrics, folderMetrics, queueMetrics } from './site-metrics.ts';

export type MetricsAnswer = { readonly contentType: string; readonly text: string };

/**
 * The metrics for Prometheus. All come from what Redis holds now, so a process that has just started answers the same as one
 * that has run for a year. While Redis does not answer, `pgstow_redis_up` says so and the others are left out.
 */
export async function renderMetrics(site: Site, version: string): Promise<MetricsAnswer> {
  const registry = new Registry();
  const fill = fillMetricsIn(registry);
  const read = await Promise.all([readSiteStatus(site), answerOf(readHistories(site))]).catch(() => undefined);
  const labels = { version, node: process.versions.node, site: site.name };
  fill({ pgstow_build_info: ['Always 1; its labels say what runs.', () => 1] }, undefined, labels);
  fill(
    { pgstow_redis_up: ['Whether Redis answers. If not, all other metrics are missing.', () => read !== undefined] },
    undefined,
  );
  if (read !== undefined) {
    const [{ servers, databases, faults, namedFaults }, histories] = read;
    const help = 'Faults of the whole site: see /healthz.';
    fill({ pgstow_site_faults: [help, () => faults.length + namedFaults.length] }, undefined);
    for (const queue of servers[0]?.facts.queues ?? []) fill(queueMetrics, queue, { queue: queue.name });
    for (const { on, facts } of servers)
      if (facts.catalog !== undefined) fill(folderMetrics, facts.catalog, serverLabel(on.server));
    for (const status of databases) fillDatabaseMetrics(fill, status);
    const counter = new Counter({
      name: 'pgstow_failures_total',
      help: 'Attempts that failed, by stage and kind of error; PermanentError is not tried again.',
      labelNames: ['server', 'database', 'stage', 'reason'],
      registers: [registry],
    });
    for (const { on, facts } of servers) {
      const history = histories.get(on.scope);
      if (history === undefined) continue;
      const isOurs = ({ database }: { readonly database: string }): boolean => facts.targets.includes(database);
      const ofServer = serverLabel(on.server);
      for (const attempt of history.attempts.filter(isOurs)) {
        const { database, stage } = attempt;
        fill(attemptMetrics, attempt, { ...ofServer, database, stage });
      }
      for (const { database, stage, reason, count } of history.failures.filter(isOurs))
        counter.inc({ ...ofServer, database, stage, reason }, count);
    }
  }
  return { contentType: registry.contentType, text: await registry.metrics() };
}

/** The history of each server, by its scope. */
async function readHistories({ servers, redis }: Site): Promise<ReadonlyMap<string, JobHistory>> {
  const read = servers().map(async ({ scope }) => [scope, await readJobHistory(redis, scope)] as const);
  return new Map(await Promise.all(read));
}
