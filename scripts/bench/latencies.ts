import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dumpResultSchema, uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { enqueueDump } from '@pgstow/shared/runtime/jobs/queue.ts';
import { formatTable } from './format-table.ts';
import { median } from './measure.ts';
import type { Section } from './section.ts';
import { connectQuietly, failIfEnded, startApp, type Bench } from './start-bench.ts';
import { watchJobs } from './watch-jobs.ts';

const SITE = 'latencies';
const ROUNDS = 20;
/** The first rounds warm the workers up. */
const WARM_UP = 3;

/** Measures how soon workers that are up begin: pg_dump once a dump is asked for, and an upload once its dump is handed over. */
export async function measureLatencies(bench: Bench): Promise<Section> {
  await using stack = new AsyncDisposableStack();
  const { folder: parent, pgDump, postgres } = bench;
  const programs = join(parent, 'programs');
  await mkdir(programs);
  // A pg_dump that notes when it starts. A worker takes the programs on PATH before all others.
  const starts = join(parent, 'starts');
  const noting = `#!/bin/sh\n[ "$1" = --version ] || date +%s%3N >>'${starts}'\nexec '${pgDump}' "$@"\n`;
  await writeFile(join(programs, 'pg_dump'), noting, { mode: 0o755 });
  await symlink(join(postgres.binDir, 'psql'), join(programs, 'psql'));
  await postgres.createDatabase(SITE);
  const env = {
    PATH: `${programs}:${process.env['PATH']}`,
    ...(await bench.settingsOf(SITE)),
    POSTGRES_DB: SITE,
    VERIFY_SCHEDULE: 'off',
  };
  const connection = stack.use(await connectQuietly(bench.redis.url));
  const dumps = stack.use(watchJobs('dump', SITE, connection));
  const uploads = stack.use(watchJobs('upload', SITE, connection));
  const workers = [stack.use(await startApp('dump-worker', env)), stack.use(await startApp('upload-worker', env))];
  for (const worker of workers) await worker.waitForLine(/"msg":"ready"/);
  const ended = failIfEnded(...workers);
  ended.catch(() => undefined);

  const toPgDump: number[] = [];
  const toUpload: number[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    const { id, timestamp } = await enqueueDump(dumps.queue, SITE, 'ad-hoc');
    const { name } = dumpResultSchema.parse((await dumps.ended(id, ended)).returnvalue);
    const upload = await uploads.ended(uploadJobId(name, 's3'), ended);
    const startedAt = Number((await readFile(starts, 'utf8')).trim().split('\n').at(-1));
    if (round < 0) continue;
    toPgDump.push(startedAt - timestamp);
    toUpload.push((upload.processedOn ?? Number.NaN) - upload.timestamp);
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
