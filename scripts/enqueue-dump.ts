/** Asks for a dump now: `pnpm enqueue-dump [database] [--wait]`; without a database, for a dump of each. */
import { parseArgs } from 'node:util';
import { chooseTargets } from '@pgstow/shared/config/choose-targets.ts';
import { readConfig } from '@pgstow/shared/config/read-config.ts';
import { subjects } from '@pgstow/shared/config/subjects.ts';
import { scheduledTargets } from '@pgstow/shared/config/targets-of.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { enqueueDump, openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis/redis.ts';
import { startTracing } from '@pgstow/shared/tracing/tracing.ts';
import { followDumps } from '../apps/cli/src/follow/follow-dumps.ts';
const { postgres, redis, tracing } = subjects;
try {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { wait: { type: 'boolean' } } });
  const { config } = readConfig(process.env, { postgres, redis, tracing }, Object.values(subjects));
  const targets = chooseTargets(positionals, scheduledTargets(config.postgres));
  const log = createLog('enqueue-dump', 'error', String);
  await using _tracing = await startTracing({ config: config.tracing, service: 'pgstow-cli', log, redact: String });
  await using connection = await connectRedis(config.redis.url, log);
  await using queue = openQueue('dump', config.redis.site, connection);
  const jobs = await Promise.all(targets.map((target) => enqueueDump(queue, target, 'ad-hoc')));
  for (const job of jobs) console.log(`${job.data.target}: job ${job.id}`);
  if (values.wait === true) await followDumps(jobs, config.redis.site, connection);
} catch (error) {
  console.error(`enqueue-dump: ${describeError(error)}`);
  process.exitCode = 1;
}
