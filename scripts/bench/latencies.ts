import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dumpResultSchema, uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { enqueueDump, openQueue, queuePrefix } from '@pgstow/shared/runtime/jobs/queue.ts';
import { QueueEvents } from 'bullmq';
import { formatTable } from './format-table.ts';
import { median } from './measure.ts';
import type { Section } from './section.ts';
import { BUCKET, connectQuietly, failIfEnded, startApp, type Bench } from './start-bench.ts';

const SITE = 'latencies';
const ROUNDS = 20;
/** The first rounds warm the workers up. */
const WARM_UP = 3;

/** Measures how soon workers that are up begin: pg_dump once a dump is asked for, and an upload once its dump is handed over. */
export async function measureLatencies({ folder: parent, pgDump, postgres, redis, s3 }: Bench): Promise<Section> {
  await using stack = new AsyncDisposableStack();
  const folder = join(parent, SITE);
  const programs = join(parent, 'programs');
  for (const each of [folder, programs]) await mkdir(each);
  // A pg_dump that notes when it starts. A worker takes the programs on PATH before all others.
  const starts = join(parent, 'starts');
  const noting = `#!/bin/sh\n[ "$1" = --version ] || date +%s%3N >>'${starts}'\nexec '${pgDump}' "$@"\n`;
  await writeFile(join(programs, 'pg_dump'), noting, { mode: 0o755 });
  await symlink(join(postgres.binDir, 'psql'), join(programs, 'psql'));
  await postgres.createDatabase(SITE);
  const env = {
    PATH: `${programs}:${process.env['PATH']}`,
    POSTGRES_HOST: postgres.host,
    POSTGRES_PORT: String(postgres.port),
    POSTGRES_USER: postgres.user,
    POSTGRES_PASSWORD: postgres.password,
    POSTGRES_DB: SITE,
    REDIS_URL: redis.url,
    SITE,
    BACKUP_DIR: folder,
    // No name is free again in the same second.
    BACKUP_KEEP_LAST: '1000',
    VERIFY_SCHEDULE: 'off',
    S3_BUCKET: BUCKET,
    S3_PREFIX: SITE,
    S3_ENDPOINT: s3.endpoint,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
  const connection = stack.use(await connectQuietly(redis.url));
  const dumps = stack.use(openQueue('dump', SITE, connection));
  const uploads = stack.use(openQueue('upload', SITE, connection));
  const events = { connection, prefix: queuePrefix(SITE) };
  const dumpEvents = new QueueEvents('dump', events);
  stack.defer(() => dumpEvents.close());
  const uploadEvents = new QueueEvents('upload', events);
  stack.defer(() => uploadEvents.close());
  const workers = [stack.use(await startApp('dump-worker', env)), stack.use(await startApp('upload-worker', env))];
  for (const worker of workers) await worker.waitForLine(/"msg":"ready"/);
  const ended = failIfEnded(...workers);
  ended.catch(() => undefined);

  const toPgDump: number[] = [];
  const toUpload: number[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    const job = await enqueueDump(dumps, SITE, 'ad-hoc');
    const { name } = dumpResultSchema.parse(await Promise.race([job.waitUntilFinished(dumpEvents), ended]));
    const id = uploadJobId(name, 's3');
    await Promise.race([(await uploads.getJob(id))?.waitUntilFinished(uploadEvents), ended]);
    const upload = await uploads.getJob(id);
    const startedAt = Number((await readFile(starts, 'utf8')).trim().split('\n').at(-1));
    if (round < 0) continue;
    toPgDump.push(startedAt - job.timestamp);
    toUpload.push((upload?.processedOn ?? Number.NaN) - (upload?.timestamp ?? Number.NaN));
  }
  const row = (what: string, times: readonly number[]): string[] => [
    what,
    median(times).toFixed(0),
    `${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)}`,
  ];
  return {
    title: 'Latencies',
    blocks: [
      `${ROUNDS} dumps of an empty database, one after the other, in workers that are up. In milliseconds:`,
      formatTable([
        ['', 'median', 'from … to'],
        row('a dump is asked for until pg_dump starts', toPgDump),
        row('a dump is handed over until its upload starts', toUpload),
      ]),
    ],
    ratios: {
      'time until pg_dump starts, of 150 ms': median(toPgDump) / 150,
      'time until an upload starts, of 100 ms': median(toUpload) / 100,
    },
  };
}
