import { describeTarget, EVERY_DATABASE } from '@pgstow/shared/contract/target.ts';
import { enqueueDump, openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { startTracing } from '@pgstow/shared/tracing/tracing.ts';
import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { followDumps } from '../follow/follow-dumps.ts';
import { withoutSecrets } from '../format/keep-secrets.ts';
import { interruptible } from '../interruptible.ts';
import { chooseDatabases, readSettings } from '../read-settings.ts';

const EXAMPLES = `
Examples:
  pgstow dump                dump every configured database
  pgstow dump shop --wait    dump one, and wait until its upload is confirmed

Without --wait, it ends once the dump is requested. Ending a --wait ends no dump.`;

/** `pgstow dump`: requests dumps from the dump worker. */
export function addDump(pgstow: Command): void {
  pgstow
    .command('dump')
    .description('request a dump now, of the named databases or of all configured ones')
    .argument('[database...]', 'names of databases, or globals')
    .option('--wait', 'follow each dump to its confirmed upload; exit 1 if one fails for good')
    .addHelpText('after', EXAMPLES)
    .action((named: readonly string[], options: { readonly wait?: true }) =>
      interruptible((signal) => requestDumps(named, options, signal)),
    );
}

async function requestDumps(
  named: readonly string[],
  { wait }: { readonly wait?: true },
  signal: AbortSignal,
): Promise<void> {
  const config = readSettings('postgres', 'redis', 'tracing');
  // Where databases are found, the server says which there are now.
  const isEvery = named.length === 0 && config.postgres.patterns.length > 0;
  const targets = isEvery ? [EVERY_DATABASE] : chooseDatabases(named, config.postgres);
  await using _tracing = await startTracing({
    config: config.tracing,
    service: 'pgstow-cli',
    log: createLog('pgstow', 'error', String),
    redact: withoutSecrets,
  });
  await using connection = await connect(config.redis.url, signal);
  await using queue = openQueue('dump', config.redis.site, connection);
  const jobs = await Promise.all(targets.map((target) => enqueueDump(queue, target, 'ad-hoc')));
  for (const job of jobs) console.log(`${describeTarget(job.data.target)}: job ${job.id}`);
  if (wait === true) await followDumps(jobs, config.redis.site, connection, signal);
}
