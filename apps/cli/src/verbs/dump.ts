import { EVERY_DATABASE, formatTarget } from '@pgstow/shared/contract/target.ts';
import { enqueueDump, openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { startTracing } from '@pgstow/shared/tracing/tracing.ts';
import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { followDumps } from '../follow/follow-dumps.ts';
import { withoutSecrets } from '../format/keep-secrets.ts';
import { interruptible } from '../interruptible.ts';
import { chooseDatabases, readSettings } from '../read-settings.ts';
import { chooseServer, chooseServers, serverOption } from '../servers/choose-servers.ts';
import { inServer } from '../servers/current-server.ts';

const EXAMPLES = `
Examples:
  pgstow dump                dump every configured database
  pgstow dump shop --wait    dump one, and wait until its upload is confirmed
  pgstow dump prod/shop      dump one of the server prod of TARGETS_FILE

Without --wait, it ends once the dump is requested. Ending a --wait ends no dump.`;

/** `pgstow dump`: requests dumps from the dump worker. */
export function addDump(pgstow: Command): void {
  pgstow
    .command('dump')
    .description('request a dump now, of the named databases or of all configured ones')
    .argument('[database...]', 'names of databases, or globals')
    .addOption(serverOption())
    .option('--wait', 'follow each dump to its confirmed upload; exit 1 if one fails for good')
    .addHelpText('after', EXAMPLES)
    .action((named: readonly string[], options: DumpOptions) =>
      interruptible((signal) => requestDumps(named, options, signal)),
    );
}

type DumpOptions = { readonly server?: string; readonly wait?: true };

async function requestDumps(
  named: readonly string[],
  { server, wait }: DumpOptions,
  signal: AbortSignal,
): Promise<void> {
  const config = readSettings('postgres', 'redis', 'tracing');
  const chosen =
    named.length === 0 ? chooseServers(undefined, server) : named.map((each) => chooseServer(each, server));
  const targets = [...Map.groupBy(chosen, (each) => each.server)].flatMap(([of, theirs]) =>
    inServer(of, () => targetsOfDump(theirs.flatMap((each) => each.named ?? []))).map((database) => ({ of, database })),
  );
  await using _tracing = await startTracing({
    config: config.tracing,
    service: 'pgstow-cli',
    log: createLog('pgstow', 'error', String),
    redact: withoutSecrets,
  });
  await using connection = await connect(config.redis.url, signal);
  const { site } = config.redis;
  const jobs = await Promise.all(
    targets.map(async ({ of, database }) => {
      await using queue = openQueue('dump', site, connection, of);
      return enqueueDump(queue, database, 'ad-hoc');
    }),
  );
  for (const { id, data } of jobs) console.log(`${formatTarget({ ...data, database: data.target })}: job ${id}`);
  if (wait === true) await followDumps(jobs, site, connection, signal);
}

/** The targets of a server that a person named, or all of them. */
function targetsOfDump(named: readonly string[]): readonly string[] {
  const { postgres } = readSettings('postgres');
  // Where databases are found, the server says which there are now.
  return named.length === 0 && postgres.patterns.length > 0 ? [EVERY_DATABASE] : chooseDatabases(named, postgres);
}
