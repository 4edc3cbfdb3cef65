import { chown, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { folderError, unreadableFolder } from '@pgstow/catalog/folder/backup-folder.ts';
import { readFolder, type KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { writeAcceptance } from '@pgstow/catalog/folder/write-record.ts';
import { dumpsOf } from '@pgstow/catalog/policy/dumps-of.ts';
import { newestByNow } from '@pgstow/catalog/policy/newest-dump.ts';
import { badTestOf, newestSuspect } from '@pgstow/catalog/policy/retention-policy.ts';
import { whySuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { publishCatalog } from '@pgstow/catalog/published/publish-catalog.ts';
import { acceptanceFileName } from '@pgstow/shared/contract/acceptance.ts';
import { manifestFileName } from '@pgstow/shared/contract/manifest.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { exitCodes, ExitError } from '../exit-codes.ts';
import { interruptible } from '../interruptible.ts';
import { databasesOf, readSettings } from '../read-settings.ts';

const EXAMPLES = `
A dump is suspect if it has less than 30 % of what the last good dumps of its database
had, if it has lost a table's rows, or if it is of another server. It is kept, uploaded
and tested, but does not count as a backup, and no dump of the database is deleted.
If the change was intended, accept the dump: it counts from then on, and later dumps are
compared with it.

Exit code: 0 if it is accepted, now or before; 3 if it is not suspect.

Examples:
  pgstow accept backup_shop_20261126_030000.sql.gz
  pgstow accept latest --database shop --reason 'moved the old orders to the archive'`;

type AcceptOptions = { readonly database?: string; readonly reason?: string };

/** `pgstow accept`: makes a suspect dump count, by a person's word. */
export function addAccept(pgstow: Command): void {
  pgstow
    .command('accept')
    .description('make a suspect dump count, so that old dumps are pruned again')
    .argument('<name>', 'a dump as pgstow list --long names it, or latest')
    .option('--database <database>', 'with latest: the newest dump of this database (default: the only configured one)')
    .option('--reason <text>', 'why, for those who read its record later')
    .addHelpText('after', EXAMPLES)
    .action((name: string, options: AcceptOptions) => interruptible((signal) => accept(name, options, signal)));
}

async function accept(name: string, options: AcceptOptions, signal: AbortSignal): Promise<void> {
  const { backup, s3, redis } = readSettings('backup', 's3', 'redis');
  const { folder } = backup;
  const [database = '', ...others] = databasesOf(name, options.database);
  if (others.length > 0)
    throw new ExitError(exitCodes.usage, 'several databases are configured', 'Say which by --database.');
  const { dumps, refused } = await readFolder(folder).catch((error: unknown) => {
    throw unreadableFolder(error, folder);
  });
  const ours = dumpsOf(database, dumps);
  const dump = name === 'latest' ? newestByNow(ours, new Date()) : ours.find(({ manifest }) => manifest.name === name);
  if (dump === undefined) {
    throw new ExitError(
      exitCodes.failed,
      refused.get(name) ?? `no dump ${name === 'latest' ? `of ${database}` : name} lies in ${folder}`,
      'pgstow list --long --from local shows those that do.',
    );
  }
  if (dump.manifest.suspect === undefined)
    throw new ExitError(
      exitCodes.refused,
      `${dump.manifest.name} is not suspect: there is nothing to accept`,
      'pgstow list shows which are.',
    );
  await record(folder, dump, options.reason);
  console.log(
    dump.acceptance === undefined
      ? `accepted ${dump.manifest.name}: ${whySuspect(dump) ?? ''}`
      : `${dump.manifest.name} is accepted already, since ${dump.acceptance.acceptedAt}`,
  );
  printLimits(dump, ours);
  await publish({ folder, site: redis.site, destination: s3?.destination }, redis.url, signal);
}

/** Writes the record, unless it is there. It gets the owner of the dump's manifest, so that the workers can read it. */
async function record(folder: string, { manifest, acceptance }: KnownDump, reason: string | undefined): Promise<void> {
  const { name, sha256 } = manifest;
  try {
    const { uid, gid } = await stat(join(folder, manifestFileName(name)));
    const own = process.getuid?.();
    if (own !== undefined && own !== 0 && own !== uid)
      throw new ExitError(
        exitCodes.failed,
        `${name} belongs to user ${uid}, and this is user ${own}: the workers could not read its acceptance`,
        'Run it as the user that the dump worker runs as.',
      );
    const acceptedAt = new Date().toISOString();
    if (acceptance === undefined)
      await writeAcceptance(folder, {
        version: 1,
        name,
        sha256,
        acceptedAt,
        reason,
      });
    if (own === 0) await chown(join(folder, acceptanceFileName(name)), uid, gid);
  } catch (error) {
    throw folderError(error, folder);
  }
}

/** Prints what accepting the dump does not change. */
function printLimits(dump: KnownDump, ours: readonly KnownDump[]): void {
  const { name, database } = dump.manifest;
  const bad = badTestOf(dump);
  if (bad !== undefined) console.log(`It still does not count: its restore test from ${bad.destination} is bad.`);
  const newest = newestSuspect(ours, new Date());
  if (newest === undefined || newest === dump) {
    if (bad !== undefined) return;
    console.log(`Old dumps of ${database} are deleted again after its next dump.`);
  } else console.log(`${newest.manifest.name} is newer than ${name} and is still suspect: accept it as well.`);
}

/** Publishes the folder at once, so that the status page and the alarm need not wait for a worker to read it. */
async function publish(
  options: Omit<Parameters<typeof publishCatalog>[0], 'redis'>,
  url: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await using redis = await connect(url, signal);
    await publishCatalog({ ...options, redis });
  } catch (error) {
    signal.throwIfAborted();
    console.error(
      `pgstow: the status page, metrics and alarms follow once a worker has read the folder: ${describeError(error)}`,
    );
  }
}
