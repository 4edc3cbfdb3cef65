import { chooseTargets } from '@pgstow/shared/config/choose-targets.ts';
import { readConfig } from '@pgstow/shared/config/read-config.ts';
import { subjects } from '@pgstow/shared/config/subjects.ts';
import { createLog } from '@pgstow/shared/runtime/log.ts';
import { enqueueDump, openQueue } from '@pgstow/shared/runtime/queue.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis.ts';
import type { Command } from 'commander';
import { followDumps } from './follow-dumps.ts';

/** `pgstow dump`: asks the dump worker for a dump now. */
export function addDump(pgstow: Command): void {
  pgstow
    .command('dump')
    .description('ask for a dump now, of the databases named or of every configured one')
    .argument('[database...]', 'names that POSTGRES_DB holds')
    .option('--wait', 'follow each dump to its confirmed upload; exit 1 if one fails for good')
    .action(requestDumps);
}

async function requestDumps(named: readonly string[], { wait }: { readonly wait?: true }): Promise<void> {
  const { postgres, redis } = subjects;
  const { config } = readConfig(process.env, { postgres, redis }, Object.values(subjects));
  const targets = chooseTargets(named, config.postgres);
  await using connection = await connectRedis(config.redis.url, createLog('pgstow', 'error', String));
  await using queue = openQueue('dump', config.redis.site, connection);
  const jobs = await Promise.all(targets.map((target) => enqueueDump(queue, target, 'ad-hoc')));
  for (const job of jobs) console.log(`${job.data.target}: job ${job.id}`);
  if (wait === true) await followDumps(jobs, config.redis.site, connection);
}
