import { fileURLToPath } from 'node:url';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import type { Run } from './run-to-end.ts';
import { DATABASE } from './steps/load-sample.ts';
import { BUCKET, PREFIX, type Servers } from './steps/start-servers.ts';

export const KEEP_LAST = 4;
export const INTERVAL_MINUTES = 3;

/** Starts one of the apps as a process of its own, as compose would. */
export async function startApp(
  run: Run,
  servers: Servers,
  app: 'scheduler' | 'dump-worker' | 'upload-worker' | 'verify-worker',
  settings: Readonly<Record<string, string>> = {},
): Promise<BoundProcess> {
  run.signal.throwIfAborted();
  const script = fileURLToPath(new URL(`../../apps/${app}/src/main.ts`, import.meta.url));
  const process = run.stack.use(
    await startProcess({ script, env: { ...stackEnvironment(run, servers), ...settings } }),
  );
  run.processes.push({ name: app.replace('-', ' '), process });
  return process;
}

/** Environment that `stack.env` gives elsewhere. */
function stackEnvironment({ folder, backupDir }: Run, { redis, postgres, s3 }: Servers): Record<string, string> {
  return {
    HOME: folder,
    REDIS_URL: redis.url,
    POSTGRES_HOST: postgres.host,
    POSTGRES_PORT: String(postgres.port),
    POSTGRES_USER: postgres.user,
    POSTGRES_PASSWORD: postgres.password,
    POSTGRES_DB: DATABASE,
    BACKUP_DIR: backupDir,
    BACKUP_INTERVAL: String(INTERVAL_MINUTES * 60),
    BACKUP_KEEP_LAST: String(KEEP_LAST),
    S3_BUCKET: BUCKET,
    S3_PREFIX: PREFIX,
    S3_ENDPOINT: s3.endpoint,
    S3_REGION: s3.region,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
}
