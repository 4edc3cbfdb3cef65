import { expect, it } from 'vitest';
import { planPreloadSettings } from './preload-settings-plan.ts';

it('changes nothing for a server that loads nothing', () => {
  expect(planPreloadSettings([], 'shop')).toEqual({});
});

it('leaves no room for a worker of a library that may have one, and has no job of it run', () => {
  expect(planPreloadSettings(['pg_cron', 'timescaledb'], 'shop')).toEqual({
    shared_preload_libraries: 'pg_cron,timescaledb',
    max_worker_processes: '0',
    'cron.database_name': 'shop',
    'cron.launch_active_jobs': 'off',
    'cron.max_running_jobs': '0',
    'timescaledb.max_background_workers': '0',
    'timescaledb.telemetry_level': 'off',
  });
  expect(planPreloadSettings(['pglogical', 'vchord'], 'shop')).toMatchObject({ max_worker_processes: '0' });
});

it('builds indexes in parallel beside a library that has no worker', () => {
  expect(planPreloadSettings(['pg_stat_statements', 'vchord'], 'shop')).toEqual({
    shared_preload_libraries: 'pg_stat_statements,vchord',
  });
});
