import { listBackups, type Backup } from '@pgstow/backups/list-backups.ts';
import { readPin } from '@pgstow/catalog/folder/read-records.ts';
import { Records } from '@pgstow/catalog/folder/records.ts';
import { writePin } from '@pgstow/catalog/folder/write-record.ts';
import { newestByNow } from '@pgstow/catalog/policy/newest-dump.ts';
import { placesOf } from '@pgstow/shared/config/subjects/destinations.ts';
import { parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { pinFileName, type Pin } from '@pgstow/shared/contract/pin.ts';
import { scopeOf } from '@pgstow/shared/contract/scope.ts';
import type { Command } from 'commander';
import { writeForWorkers } from '../accept/write-for-workers.ts';
import { failure, misuse } from '../exit-codes.ts';
import { interruptible } from '../interruptible.ts';
import { openPlaces } from '../places.ts';
import { publishNow } from '../publish-now.ts';
import { databasesOf, readSettings } from '../read-settings.ts';
import { serverOption } from '../servers/choose-servers.ts';
import { currentServer } from '../servers/current-server.ts';
import { inServerOf, type InServer } from '../servers/in-server-of.ts';

const PIN_EXAMPLES = `
A pinned backup is deleted nowhere, neither in the folder nor at a destination, until it is
unpinned. It may lie at a destination alone. It counts among the newest ones like any other.
The workers copy the pin to each destination, for the day when this host is lost.

Examples:
  pgstow pin backup_shop_20261126_030000.sql.gz --reason 'before the move to version 9'
  pgstow pin latest --database shop
  pgstow unpin backup_shop_20261126_030000.sql.gz`;

const UNPIN_EXAMPLES = `
Example:
  pgstow unpin backup_shop_20261126_030000.sql.gz`;

type PinOptions = { readonly server?: string; readonly database?: string; readonly reason?: string };

/** `pgstow pin`: keeps a backup from being deleted, by a person's word. */
export function addPin(pgstow: Command): void {
  pgstow
    .command('pin')
    .description('keep a backup from being deleted, in the folder and at every destination')
    .argument('<name>', 'a backup as pgstow list --long names it, or latest')
    .option('--database <database>', 'with latest: the newest of this database (default: the only configured one)')
    .addOption(serverOption())
    .option('--reason <text>', 'why, for those who read it later')
    .addHelpText('after', PIN_EXAMPLES)
    .action((name: string, options: PinOptions) =>
      interruptible((signal) =>
        inServerOf(name, options, (ofServer, database) => pin(ofServer, { ...options, database }, signal)),
      ),
    );
}

async function pin(name: string, { database, reason }: InServer<PinOptions>, signal: AbortSignal): Promise<void> {
  const settings = readSettings('backup', 'encryption', 'destinations', 'redis');
  const { folder } = settings.backup;
  const backup = await findBackup(name, database, settings, signal);
  const said = reason?.replaceAll(/\s+/g, ' ').trim();
  const pinnedAt = new Date().toISOString();
  const known = readKnown(folder, backup.name);
  const isPinned = known !== undefined && known.unpinnedAt === undefined;
  if (isPinned && (said ?? '') === '') return console.log(`${backup.name} is pinned already, since ${known.pinnedAt}`);
  await write(folder, {
    version: 1,
    name: backup.name,
    pinnedAt: isPinned ? known.pinnedAt : pinnedAt,
    ...((said ?? '') === '' ? {} : { reason: said }),
  });
  // A worker may have begun to delete it before it could see the pin.
  const after = await findBackup(backup.name, undefined, settings, signal);
  console.log(`pinned ${backup.name}: it stays at ${after.places.join(' and ')} until pgstow unpin ${backup.name}`);
  await publish(settings, signal);
}

/** `pgstow unpin`: lets retention decide on a backup again. */
export function addUnpin(pgstow: Command): void {
  pgstow
    .command('unpin')
    .description('let a pinned backup be deleted again, once retention releases it')
    .argument('<name>', 'a backup as pgstow list --long names it')
    .addOption(serverOption())
    .addHelpText('after', UNPIN_EXAMPLES)
    .action((name: string, options: { readonly server?: string }) =>
      interruptible((signal) => inServerOf(name, options, (ofServer) => unpin(ofServer, signal))),
    );
}

async function unpin(text: string, signal: AbortSignal): Promise<void> {
  const settings = readSettings('backup', 'encryption', 'destinations', 'redis');
  const { folder } = settings.backup;
  if (parseBackupName(text) === undefined)
    throw misuse(`expected a backup's name, got ${JSON.stringify(text)}`, 'See pgstow list --long.');
  const name = text as BackupName;
  const known = readKnown(folder, name);
  if (known === undefined || known.unpinnedAt !== undefined) throw failure(`${name} is not pinned`);
  await write(folder, { ...known, unpinnedAt: new Date().toISOString() });
  console.log(`unpinned ${name}: retention decides on it again, see pgstow prune --dry-run`);
  await publish(settings, signal);
}

type Settings = ReturnType<typeof readSettings<'backup' | 'encryption' | 'destinations' | 'redis'>>;

/** Finds a backup in the folder or at a destination. @throws ExitError if it is at none that could be read */
async function findBackup(
  name: string,
  database: string | undefined,
  settings: Settings,
  signal: AbortSignal,
): Promise<Backup> {
  const [wanted = '', ...others] = databasesOf(name, database);
  if (others.length > 0) throw misuse('several databases are configured', 'Say which by --database.');
  using stack = new DisposableStack();
  const { backups, faults } = await listBackups({
    ...(await openPlaces(undefined, settings, stack)),
    databases: [wanted],
    chooseManifests: (names) => (name === 'latest' ? names.slice(0, 1) : names.filter((each) => each === name)),
    signal,
  });
  const proven = backups.filter(({ manifest }) => manifest !== undefined).toReversed();
  const found =
    name === 'latest'
      ? newestByNow(
          proven.map((backup) => ({ backup, manifest: { name: backup.name, takenAt: backup.takenAt.toISOString() } })),
          new Date(),
        )?.backup
      : proven.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw failure(
    faults[0] ?? `no backup ${name === 'latest' ? `of ${wanted}` : name} is known`,
    'pgstow list --long shows those that are.',
  );
}

/** The pin as it is now. @throws ExitError if it is there and cannot be read */
function readKnown(folder: string, name: BackupName): Pin | undefined {
  const file = pinFileName(name);
  const unreadable: string[] = [];
  const known = readPin(new Records(folder), name, [file], unreadable);
  if (unreadable.length === 0) return known;
  throw failure(`${file} cannot be read`, 'Mend it, or move it away.');
}

function write(folder: string, pin: Pin): Promise<void> {
  return writeForWorkers(folder, pin.name, pinFileName(pin.name), () => writePin(folder, pin));
}

function publish({ backup, destinations, redis }: Settings, signal: AbortSignal): Promise<void> {
  const records = new Records(backup.folder);
  const scope = scopeOf(redis.site, currentServer());
  return publishNow({ records, scope, destinations: placesOf(destinations) }, redis.url, signal);
}
