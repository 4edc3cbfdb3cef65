import { unreadableFolder } from '@pgstow/catalog/folder/backup-folder.ts';
import { allRecorded, readFolder, type FolderContents, type KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { Records } from '@pgstow/catalog/folder/records.ts';
import { dumpsOf } from '@pgstow/catalog/policy/dumps-of.ts';
import { newestByNow } from '@pgstow/catalog/policy/newest-dump.ts';
import { badTestOf } from '@pgstow/catalog/policy/retention-policy.ts';
import { placesOf } from '@pgstow/shared/config/subjects/destinations.ts';
import { scopeOf } from '@pgstow/shared/contract/scope.ts';
import type { Command } from 'commander';
import { acceptFindings, printAfterFindings } from '../accept/accept-findings.ts';
import { acceptSuspect, printAfterSuspect } from '../accept/accept-suspect.ts';
import { exitCodes, ExitError, failure, misuse } from '../exit-codes.ts';
import { interruptible } from '../interruptible.ts';
import { publishNow } from '../publish-now.ts';
import { databasesOf, readSettings } from '../read-settings.ts';
import { serverOption } from '../servers/choose-servers.ts';
import { currentServer } from '../servers/current-server.ts';
import { inServerOf, type InServer } from '../servers/in-server-of.ts';

const EXAMPLES = `
A dump is suspect if it has less than 30 % of what the last good dumps of its database
had, if it has lost a table's rows, or if it is of another server. It is kept, uploaded
and tested, but does not count as a backup, and no dump of the database is deleted.
If the change was intended, accept the dump: it counts from then on, and later dumps are
compared with it.

A dump is bad if a restore test found something in it otherwise than at the source. If
you have looked at that and it is no fault, accept the dump, with the reason: what the
test found is a note from then on, in this dump and in later ones of the database. What
differs in another way is bad as before. A dump that is damaged or does not restore
cannot be accepted. A dump that is suspect and bad is accepted twice, one after the other.

Exit code: 0 if it is accepted, now or before; 3 if there is nothing to accept, or it
cannot be accepted.

Examples:
  pgstow accept backup_shop_20261126_030000.sql.gz
  pgstow accept latest --database shop --reason 'moved the old orders to the archive'`;

type AcceptOptions = { readonly server?: string; readonly database?: string; readonly reason?: string };

/** `pgstow accept`: makes a suspect or bad dump count, by a person's word. */
export function addAccept(pgstow: Command): void {
  pgstow
    .command('accept')
    .description('make a suspect dump count, or what a restore test found, so that old dumps are pruned again')
    .argument('<name>', 'a dump as pgstow list --long names it, or latest')
    .option('--database <database>', 'with latest: the newest dump of this database (default: the only configured one)')
    .addOption(serverOption())
    .option('--reason <text>', 'why, for those who read its record later; needed for a bad dump')
    .addHelpText('after', EXAMPLES)
    .action((name: string, options: AcceptOptions) =>
      interruptible((signal) =>
        inServerOf(name, options, (ofServer, database) => accept(ofServer, { ...options, database }, signal)),
      ),
    );
}

async function accept(name: string, { database, reason }: InServer<AcceptOptions>, signal: AbortSignal): Promise<void> {
  const { backup, destinations, redis } = readSettings('backup', 'destinations', 'redis');
  const { folder } = backup;
  const [wanted = '', ...others] = databasesOf(name, database);
  if (others.length > 0) throw misuse('several databases are configured', 'Say which by --database.');
  const contents = await read(folder);
  const ours = dumpsOf(wanted, allRecorded(contents));
  const dump = findDump(name, ours, { ...contents, folder, database: wanted });
  const isSuspect = dump.manifest.suspect !== undefined;
  if (isSuspect && (dump.acceptance === undefined || badTestOf(dump) === undefined)) {
    await acceptSuspect(folder, dump, reason);
    printAfterSuspect(dump, ours);
  } else if (badTestOf(dump) !== undefined) {
    await acceptFindings(folder, dump, reason);
    printAfterFindings(dump.manifest, await read(folder));
  } else printAccepted(dump, ours);
  const scope = scopeOf(redis.site, currentServer());
  const published = { records: new Records(folder), scope, destinations: placesOf(destinations) };
  await publishNow(published, redis.url, signal);
}

async function read(folder: string): Promise<FolderContents> {
  return readFolder(folder).catch((error: unknown) => {
    throw unreadableFolder(error, folder);
  });
}

/** @param ours dumps of the database, oldest first. @throws ExitError if the folder does not have it */
function findDump(
  name: string,
  ours: readonly KnownDump[],
  {
    refused,
    folder,
    database,
  }: Pick<FolderContents, 'refused'> & { readonly folder: string; readonly database: string },
): KnownDump {
  const dump = name === 'latest' ? newestByNow(ours, new Date()) : ours.find(({ manifest }) => manifest.name === name);
  if (dump !== undefined) return dump;
  throw failure(
    [...refused].find(([each]) => each === name)?.[1] ??
      `no dump ${name === 'latest' ? `of ${database}` : name} lies in ${folder}`,
    'pgstow list --long --from local shows those that do.',
  );
}

/** Prints that what a restore test found is accepted already. @throws ExitError if there was nothing to accept */
function printAccepted({ manifest: { name }, restoreTests }: KnownDump, ours: readonly KnownDump[]): void {
  const at = [...restoreTests.values()].find(({ acceptedAt }) => acceptedAt !== undefined)?.acceptedAt;
  if (at !== undefined) return console.log(`what the restore test of ${name} found is accepted already, since ${at}`);
  const bad = ours.findLast((dump) => badTestOf(dump) !== undefined)?.manifest.name;
  throw new ExitError(
    exitCodes.refused,
    `${name} is not suspect, and no restore test found it bad: there is nothing to accept`,
    bad === undefined ? 'pgstow list shows which are.' : `The newest bad one: pgstow accept ${bad} --reason '…'`,
  );
}
