import type { PublishedCatalog } from '@pgstow/shared/contract/published-catalog.ts';
import type { JobHistory } from '@pgstow/shared/runtime/jobs/job-history.ts';
import type { QueueFacts } from '../../site/read-site.ts';
import { seconds, type MetricTable } from './metric-table.ts';

export const queueMetrics: MetricTable<QueueFacts> = {
  pgstow_queue_paused: ['Whether the queue is paused.', ({ isPaused }) => isPaused],
  pgstow_workers: ['Workers that are connected, by the queue that they serve.', ({ workers }) => workers],
  pgstow_queue_jobs: [
    'Jobs in the queue, by state.',
    ({ counts }) => Object.entries(counts).map(([state, count]) => [{ state }, count]),
  ],
};

export const folderMetrics: MetricTable<PublishedCatalog> = {
  pgstow_catalog_published_timestamp_seconds: [
    'When a worker last published the backup folder.',
    ({ publishedAt }) => seconds(publishedAt),
  ],
  pgstow_folder_free_bytes: ['Free on the disk of the backup folder.', ({ folder }) => folder.freeBytes],
  pgstow_folder_size_bytes: ['Size of the disk of the backup folder.', ({ folder }) => folder.totalBytes],
  pgstow_folder_strays: ['Files with a dump’s name and no manifest.', ({ folder }) => folder.strays],
  pgstow_folder_faults: ['Files in the backup folder that do not count.', ({ folder }) => folder.faultCount],
};

export const attemptMetrics: MetricTable<JobHistory['attempts'][number]> = {
  pgstow_last_attempt_timestamp_seconds: ['When an attempt at the stage last began.', ({ at }) => at.getTime() / 1000],
};
