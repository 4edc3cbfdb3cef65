import { hasManifest, listBackups, type Backup, type ProvenBackup } from '@pgstow/backups/list-backups.ts';
import { manifestsAround } from '@pgstow/backups/manifests-around.ts';
import { newestByNow, warnOfPassedOver } from '@pgstow/catalog/policy/newest-dump.ts';
import { placesOf } from '@pgstow/shared/config/subjects/destinations.ts';
import { isBackupName, parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { placeNames } from '@pgstow/shared/contract/restore-test.ts';
import { enqueueVerify, openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { InvalidArgumentError, type Command } from 'commander';
import { connect } from '../connect.ts';
import { failure } from '../exit-codes.ts';
import { followRestoreTests, type RequestedTest } from '../follow/follow-restore-tests.ts';
import { interruptible } from '../interruptible.ts';
import { fromOption, openPlaces } from '../places.ts';
import { databasesOf, readSettings } from '../read-settings.ts';
import { chooseServers, serverOption, type Chosen } from '../servers/choose-servers.ts';
import { currentServer, showDatabase } from '../servers/current-server.ts';
import { forEachServer } from '../servers/for-each-server.ts';

const EXAMPLES = `
The verify worker restores the backup into a scratch server, and compares it with its manifest.
With --wait, the exit code is 0 if it is GOOD, 4 if it is BAD, 5 if the test COULD NOT TELL.

Examples:
  pgstow verify --wait                     the newest backup of every configured database
  pgstow verify --database shop            the newest of one
  pgstow verify --rehearse 18 --wait       and what would not survive an upgrade to PostgreSQL 18
  pgstow verify backup_shop_20261126_030000.sql.gz --from local --wait`;

type VerifyOptions = {
  readonly server?: string;
  readonly database?: string;
  readonly from?: string;
  readonly rehearse?: number;
  readonly wait?: true;
};

/** `pgstow verify`: requests restore tests from the verify worker. */
export function addVerify(pgstow: Command): void {
  pgstow
    .command('verify')
    .description('request a restore test now: of a backup, or of the newest of each configured database')
    .argument('[name]', 'a backup as pgstow list --long names it, or latest', 'latest')
    .option('--database <database>', 'only the newest backup of this database')
    .addOption(serverOption())
    .addOption(fromOption('which copy to test (default: that of each destination, if there is one)'))
    .option('--rehearse <major>', 'restore it into this newer version of PostgreSQL as well', parseMajor)
    .option('--wait', 'follow each test to its result')
    .addHelpText('after', EXAMPLES)
    .action((name: string, options: VerifyOptions) =>
      interruptible((signal) => requestOfServers(name, options, signal)),
    );
}

function parseMajor(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a major version of PostgreSQL, such as 18.');
}

/** Requests the tests of each server that is meant: of all, unless a name or an option says which. */
function requestOfServers(name: string, options: VerifyOptions, signal: AbortSignal): Promise<void> {
  const { database } = options;
  const named = database ?? (name === 'latest' ? undefined : name);
  const work = (of: Chosen) =>
    database === undefined
      ? requestTests(of.named ?? name, options, signal)
      : requestTests(name, { ...options, database: of.named ?? database }, signal);
  return forEachServer(chooseServers(named, options.server), work, signal);
}

async function requestTests(name: string, options: VerifyOptions, signal: AbortSignal): Promise<void> {
  const config = readSettings('postgres', 'backup', 'encryption', 'destinations', 'redis');
  using stack = new DisposableStack();
  const { stores, decrypt } = await openPlaces(options.from, config, stack);
  const places = options.from === undefined ? placeNames(placesOf(config.destinations)) : [options.from];
  const databases = databasesOf(name, options.database);
  const { backups, faults } = await listBackups({
    folder: config.backup.folder,
    stores,
    decrypt,
    databases,
    chooseManifests: isBackupName(name) ? (names) => names.filter((each) => each === name) : newestOfEach,
    signal,
  });
  const wanted: WantedTest[] = [];
  const missing: string[] = [];
  for (const from of places) {
    const held = backups.filter(hasManifest).filter((backup) => backup.places.includes(from));
    const there = isBackupName(name)
      ? held.filter((backup) => backup.name === name)
      : databases.flatMap((database) => findNewest(held.filter((backup) => backup.database === database)));
    wanted.push(...there.map((backup) => ({ backup, from })));
    const without = databases.filter((database) => !there.some((backup) => backup.database === database));
    if (without.length > 0)
      missing.push(
        `no backup ${isBackupName(name) ? name : `of ${without.map(showDatabase).join(', ')}`} is known at ${from}`,
      );
  }
  // A place that could not be read may hide a newer backup.
  for (const fault of faults) console.error(`pgstow: ${fault}`);
  if (wanted.length > 0)
    await enqueue(wanted, { ...config, rehearse: options.rehearse, wait: options.wait === true, signal });
  if (missing.length > 0) throw failure(missing.join('\n'));
}

/** A backup, and the place whose copy of it is tested. */
type WantedTest = { readonly backup: Backup; readonly from: string };

/** Chooses the manifests that say which backup of each database is its newest. @param names newest first */
function newestOfEach(names: readonly BackupName[]): readonly BackupName[] {
  const byDatabase = Map.groupBy(names, (name) => parseBackupName(name).database);
  return [...byDatabase.values()].flatMap(manifestsAround(new Date()));
}

/** @param backups of one database, newest first */
function findNewest(backups: readonly ProvenBackup[]): readonly Backup[] {
  const [oldestFirst, now] = [backups.toReversed(), new Date()];
  const passedOver = warnOfPassedOver(oldestFirst, now);
  if (passedOver !== undefined) console.error(`pgstow: ${passedOver}`);
  return [newestByNow(oldestFirst, now) ?? []].flat();
}

async function enqueue(
  wanted: readonly WantedTest[],
  {
    redis,
    rehearse,
    wait,
    signal,
  }: ReturnType<typeof readSettings<'redis'>> & {
    readonly rehearse: number | undefined;
    readonly wait: boolean;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  await using connection = await connect(redis.url, signal);
  await using queue = openQueue('verify', redis.site, connection, currentServer());
  const tests: RequestedTest[] = [];
  for (const {
    backup: { name, database },
    from,
  } of wanted) {
    const jobId = await enqueueVerify(queue, name, from, 'ad-hoc', rehearse);
    tests.push({ name, database: showDatabase(database), from, jobId });
    console.log(`${showDatabase(database)}: job ${jobId}`);
  }
  if (wait) await followRestoreTests(tests, queue, signal);
}
