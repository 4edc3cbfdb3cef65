/** Libraries that start no worker of their own, or whose worker only serves indexes (pgvecto.rs). */
const STARTS_NOTHING = new Set(['pg_stat_statements', 'pgaudit', 'vchord', 'vectors']);

/**
 * The settings of a scratch server that loads libraries of extensions at its start. Nothing that they run by themselves may
 * run there: neither a user's jobs, nor a policy that drops chunks, nor a subscription to another server.
 *
 * @param database whose extensions they serve: pg_cron can be created in one database alone
 */
export function planPreloadSettings(libraries: readonly string[], database: string): Readonly<Record<string, string>> {
  if (libraries.length === 0) return {};
  return {
    shared_preload_libraries: libraries.join(','),
    // No worker of any library finds a place. What needs none works all the same.
    ...(libraries.every((library) => STARTS_NOTHING.has(library)) ? {} : { max_worker_processes: '0' }),
    ...(libraries.includes('pg_cron')
      ? // Source: https://github.com/citusdata/pg_cron#pg_cron-settings. Before 1.6 there is only the number of jobs.
        { 'cron.database_name': database, 'cron.launch_active_jobs': 'off', 'cron.max_running_jobs': '0' }
      : {}),
    ...(libraries.includes('timescaledb')
      ? // Source: https://docs.timescale.com/self-hosted/latest/configuration/timescaledb-config/
        { 'timescaledb.max_background_workers': '0', 'timescaledb.telemetry_level': 'off' }
      : {}),
  };
}
