import { recoverRecords, type RecoveredDump } from '@pgstow/backups/recover-records.ts';
import { makeFolder, unreadableFolder } from '@pgstow/catalog/folder/backup-folder.ts';
import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { Records } from '@pgstow/catalog/folder/records.ts';
import { writeAcceptance, writeManifest, writePin, writeReceipt } from '@pgstow/catalog/folder/write-record.ts';
import { placesOf } from '@pgstow/shared/config/subjects/destinations.ts';
import { acceptanceFileName } from '@pgstow/shared/contract/acceptance.ts';
import { manifestFileName } from '@pgstow/shared/contract/manifest.ts';
import { pinFileName } from '@pgstow/shared/contract/pin.ts';
import { receiptFileName } from '@pgstow/shared/contract/receipt.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { scopeOf } from '@pgstow/shared/contract/scope.ts';
import { UNNAMED_SERVER } from '@pgstow/shared/contract/target.ts';
import type { Command } from 'commander';
import { writeForWorkers } from '../accept/write-for-workers.ts';
import { failure, misuse } from '../exit-codes.ts';
import { formatTable } from '../format/format-table.ts';
import { formatTime } from '../format/format-text.ts';
import { interruptible } from '../interruptible.ts';
import { fromOption, openPlaces } from '../places.ts';
import { publishNow } from '../publish-now.ts';
import { readSettings, targetsNamed } from '../read-settings.ts';
import { chooseServers, serverOption } from '../servers/choose-servers.ts';
import { currentServer, showDatabase } from '../servers/current-server.ts';
import { forEachServer } from '../servers/for-each-server.ts';

const EXAMPLES = `
For a new host with an empty folder, after the old one is lost. It reads at each destination
what the folder held: the manifests of the backups that BACKUP_KEEP_* keeps, and what people
accepted or pinned. No dump is downloaded. Then the backups are listed, tested, restored and
pruned as before, the next dump is compared with them, and nothing is uploaded twice. Run it
before the workers start, or while they run. Running it again does no harm.

Examples:
  pgstow recover --dry-run
  pgstow recover
  pgstow recover shop --from s3`;

type RecoverOptions = { readonly dryRun?: true; readonly server?: string; readonly from?: string };

/** `pgstow recover`: builds the folder's records again from what lies at the destinations. */
export function addRecover(pgstow: Command): void {
  pgstow
    .command('recover')
    .description('on a new host: build the catalog of backups again from each destination')
    .argument('[database]', 'only backups of this database')
    .option('--dry-run', 'show what would be written, and write nothing')
    .addOption(serverOption())
    .addOption(fromOption('only this destination'))
    .addHelpText('after', EXAMPLES)
    .action((database: string | undefined, options: RecoverOptions) =>
      interruptible((signal) => {
        const chosen = chooseServers(database, options.server);
        const isOneOfMany = chosen.length > 1;
        return forEachServer(chosen, ({ named }) => recover(named, { ...options, isOneOfMany }, signal), signal);
      }),
    );
}

async function recover(
  database: string | undefined,
  { dryRun, from, isOneOfMany }: RecoverOptions & { readonly isOneOfMany: boolean },
  signal: AbortSignal,
): Promise<void> {
  if (from === LOCAL) throw misuse('expected a destination after --from, got local');
  const settings = readSettings('backup', 'encryption', 'destinations', 'redis');
  const { backup, destinations, redis } = settings;
  using stack = new DisposableStack();
  const { stores, decrypt } = await openPlaces(from, settings, stack);
  if (stores.length === 0 && isOneOfMany)
    return console.log(`the server ${currentServer() ?? UNNAMED_SERVER} is copied nowhere: nothing to recover`);
  if (stores.length === 0) throw misuse('there is no destination to recover from', 'Set S3_BUCKET or COPY_DIR.');
  // A server of TARGETS_FILE has a folder of its own, which its workers would make.
  if (currentServer() !== undefined && dryRun !== true) await makeFolder(backup.folder, backup.folderOnHost);
  const rows: string[][] = [];
  const faults: string[] = [];
  for (const store of stores) {
    // Read anew: a dump may lie at several destinations, and has one manifest.
    const contents = await readFolder(backup.folder).catch((error: unknown) => {
      throw unreadableFolder(error, backup.folder);
    });
    const found = await recoverRecords(store, {
      folder: backup.folder,
      contents,
      keep: backup,
      timeZone: backup.timeZone,
      databases: database === undefined ? undefined : targetsNamed(database),
      now: new Date(),
      decrypt,
      signal,
    });
    faults.push(...found.faults);
    const taken = Map.groupBy(found.dumps, ({ manifest }) => manifest.database);
    for (const [name, count] of [...found.held].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const theirs = taken.get(name) ?? [];
      const newest = theirs.at(-1)?.manifest.takenAt;
      rows.push([
        showDatabase(name),
        store.destination.name,
        String(count),
        String(theirs.length),
        newest === undefined ? '' : formatTime(new Date(newest)),
      ]);
    }
    if (dryRun === true) continue;
    for (const dump of found.dumps) {
      signal.throwIfAborted();
      await write(backup.folder, dump);
    }
    for (const pin of found.pins)
      await writeForWorkers(backup.folder, pin.name, pinFileName(pin.name), () => writePin(backup.folder, pin));
  }
  if (rows.length === 0) console.log('no backup lies at the destinations that were read');
  else console.log(formatTable(['DATABASE', 'AT', 'BACKUPS', 'RECORDS TAKEN', 'NEWEST (UTC)'], rows, [2, 3]));
  if (dryRun !== true && rows.length > 0) {
    const records = new Records(backup.folder);
    await publishNow(
      { records, scope: scopeOf(redis.site, currentServer()), destinations: placesOf(destinations) },
      redis.url,
      signal,
    );
  }
  if (faults.length > 0) throw failure(faults.join('\n'));
}

/** The manifest comes last: without a receipt it would speak of a dump that is nowhere. */
async function write(folder: string, { manifest, receipt, acceptance }: RecoveredDump): Promise<void> {
  const { name } = manifest;
  const file = receiptFileName(name, receipt.destination);
  await writeForWorkers(folder, name, file, () => writeReceipt(folder, receipt));
  if (acceptance !== undefined)
    await writeForWorkers(folder, name, acceptanceFileName(name), () => writeAcceptance(folder, acceptance));
  await writeForWorkers(folder, name, manifestFileName(name), () => writeManifest(folder, manifest));
}
