import { resolve } from 'node:path';
import {
  hasManifest,
  listBackups,
  type Backup,
  type BackupList,
  type ListBackupsOptions,
} from '@pgstow/backups/list-backups.ts';
import { manifestsAround } from '@pgstow/backups/manifests-around.ts';
import { readBackupManifest } from '@pgstow/backups/read-backup-manifest.ts';
import { warnOfPassedOver } from '@pgstow/catalog/policy/newest-dump.ts';
import { findClients, newestClients } from '@pgstow/postgres/client/client-version.ts';
import { judgePsql } from '@pgstow/postgres/client/psql-version-policy.ts';
import { readPsqlVersion } from '@pgstow/postgres/client/read-psql-version.ts';
import type { DumpFile } from '@pgstow/postgres/proof/dump-file.ts';
import { proveGzip } from '@pgstow/postgres/proof/prove-gzip.ts';
import { assertPsqlFitsDump } from '@pgstow/postgres/restore/assert-psql-fits-dump.ts';
import { restoreDump, type RestoredDump, type RestoreDumpOptions } from '@pgstow/postgres/restore/restore-dump.ts';
import { OutcomeUnknownError } from '@pgstow/postgres/restore/restore-error.ts';
import { settingsStatements } from '@pgstow/postgres/restore/session-settings.ts';
import type { PostgresConfig } from '@pgstow/shared/config/subjects/postgres.ts';
import { isBackupName, parseBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { describeSource } from '@pgstow/shared/contract/source-identity.ts';
import { GLOBALS } from '@pgstow/shared/contract/target.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { Command } from 'commander';
import prettyBytes from 'pretty-bytes';
import prettyMilliseconds from 'pretty-ms';
import { exitCodes, ExitError, misuse } from '../exit-codes.ts';
import { formatTime } from '../format/format-text.ts';
import { showTransfer } from '../format/show-transfer.ts';
import { startProgress, type Progress } from '../format/start-progress.ts';
import { warn } from '../format/warn.ts';
import { interruptible } from '../interruptible.ts';
import { fromOption, openPlaces } from '../places.ts';
import { readSettings } from '../read-settings.ts';
import { assertTargetFits } from '../restore/assert-target-fits.ts';
import { checkRestored } from '../restore/check-restored.ts';
import { chooseBackup, parseWanted, warnOfSuspect, type Wanted } from '../restore/choose-backup.ts';
import { chooseIdentity } from '../restore/choose-identity.ts';
import { createTarget, dropTarget } from '../restore/create-target.ts';
import { findGlobals } from '../restore/find-globals.ts';
import { planBeforeRestore, warnOfTablespaces } from '../restore/plan-before-restore.ts';
import type { RestoreOptions } from '../restore/restore-context.ts';
import { isServerUrl, parseTarget, type RestoreTarget } from '../restore/restore-target.ts';
import { stageDump } from '../restore/stage-dump.ts';
import { serverOption } from '../servers/choose-servers.ts';
import { currentServer } from '../servers/current-server.ts';
import { inServerOf } from '../servers/in-server-of.ts';

type Show = ReturnType<Progress['add']>;

const EXAMPLES = `
It restores all or nothing, in one transaction: if anything fails, or it is
interrupted, the target is as it was. The backup is checked against its manifest
before the target is touched, and what was restored afterwards.

Examples:
  pgstow restore shop --to shop_restored --create
      the newest backup into a new database of the same server
  pgstow restore shop --to shop_restored --create --at 2026-11-26T03:00:00Z
      as it was at that time, or a little before
  pgstow restore shop --to postgresql://admin@db2/shop --from s3
      what the store holds, into an empty database elsewhere
  pgstow restore prod/shop --to shop_restored --create
      of the server prod of TARGETS_FILE, into a database of that server
  pgstow restore shop --to shop --force --yes-overwrite-source shop
      over the source itself
  pgstow restore immich --to immich_restored --create --search-path public
      where a function relies on search_path, which a dump leaves empty: it
      fails with 'function … does not exist' or the like

Leave the password out of the URL and give it as PGPASSWORD, or in the file that
PGPASSFILE names: others see what is on a command line.`;

/** `pgstow restore`: restores a backup into a database, all or nothing. */
export function addRestore(pgstow: Command): void {
  pgstow
    .command('restore')
    .description('restore a backup into a database, all or nothing, and compare it with the manifest')
    .argument('<database>', 'whose backup to restore')
    .requiredOption('--to <target>', 'a database of the configured server, or postgresql://user@host:port/database')
    .option('--at <when>', 'latest, a time in UTC (the newest backup until then), or the name of a backup', 'latest')
    .addOption(serverOption())
    .addOption(fromOption('take the backup from here (default: the folder, if it has the backup)'))
    .option('--create', 'create the target database; it is dropped again if the restore fails')
    .option('--force', 'drop what is in the target, in the same transaction')
    .option('--yes-overwrite-source <database>', 'confirm that a configured source is to be overwritten')
    .option('--no-create-roles', 'refuse if roles of the backup are missing, instead of creating them NOLOGIN')
    .option('--no-globals', 'bring no roles, memberships, rights and settings back from the newest dump of globals')
    .option(
      '--search-path <schemas>',
      'schemas in which functions of the backup look for names that they do not qualify',
    )
    .option(
      '--staging <folder>',
      'folder for a backup from a store, meanwhile (default: BACKUP_DIR, if it is writable)',
    )
    .option('--identity <file>', 'secret key of age for an encrypted backup (default: AGE_IDENTITY_FILE)')
    .addHelpText('after', EXAMPLES)
    .action((database: string, options: RestoreOptions & { readonly server?: string }) =>
      interruptible((signal) => inServerOf(database, options, (name) => restore(name, options, signal))),
    );
}

async function restore(database: string, options: RestoreOptions, signal: AbortSignal): Promise<void> {
  if (isBackupName(options.at) && parseBackupName(options.at).database === GLOBALS)
    throw misuse(
      `${options.at} is of no database`,
      'A restore of a database takes what it needs from it; by hand, see docs/restore.md.',
    );
  const wanted = parseWanted(options.at, database);
  const settings = withIdentity(readSettings('backup', 'encryption', 'destinations'), options.identity);
  const source = readSource(options.to);
  const target = parseTarget(options.to, source);
  assertNamedTwiceAlike(options, target);

  await using stack = new AsyncDisposableStack();
  const places = await openPlaces(options.from, settings, stack);
  const now = new Date();
  const { backups, faults } = await listForChoice({ ...places, databases: [database], signal }, wanted, now);
  faults.forEach(warn);
  const backup = chooseBackup(backups, { wanted, from: options.from, now });
  const manifest = await readBackupManifest(backup, {
    folder: settings.backup.folder,
    stores: places.stores,
    decrypt: places.decrypt,
    signal,
  });
  const identityFile = await chooseIdentity(backup.name, settings.encryption.identityFile);
  const place = options.from ?? (backup.places.includes(LOCAL) ? LOCAL : (backup.places[0] ?? LOCAL));

  const clients = newestClients(await findClients());
  const psqlVersion = await readPsqlVersion(clients);
  const { warning } = judgePsql(psqlVersion);
  if (warning !== undefined) warn(warning);
  const context = { target, options, clients, folder: settings.backup.folder, signal };
  const exists = await assertTargetFits(context, source);
  console.log(`${backup.name}, of ${formatTime(backup.takenAt)} UTC, from ${place}, into ${target.title}`);
  const identity = backup.manifest?.identity;
  if (identity !== undefined) console.log(`It is a backup of the server ${describeSource(identity)}.`);
  const passedOver = wanted === 'latest' ? warnOfPassedOver(backups.filter(hasManifest).toReversed(), now) : undefined;
  if (passedOver !== undefined) warn(passedOver);
  if (backup.state === 'suspect') warn(warnOfSuspect(backup, backups));
  if (backup.state === 'bad') warn(`its last restore test found it bad: ${backup.restoreTest?.reason ?? 'it differs'}`);
  if (backup.manifest === undefined)
    warn(`${backup.name} has no manifest; it is only known to be good once it is restored`);
  const { roles, needs } = manifest ?? {};
  const { staging, from } = options;
  const bringsGlobals = options.globals && options.createRoles;
  const globals = bringsGlobals
    ? await findGlobals(places, {
        folder: settings.backup.folder,
        from,
        staging,
        identityFile: settings.encryption.identityFile,
        signal,
      })
    : undefined;
  const plan = (named: readonly string[]) =>
    planBeforeRestore(context, { ...manifest, database: backup.database }, named, globals);
  const planned = roles === undefined ? undefined : await plan(roles);
  const dumpSource = { backup, place, folder: settings.backup.folder, stores: places.stores, staging, signal };
  const dump = stack.use(await withProgress(target.database, (show) => stageDump(dumpSource, show)));
  const file = { path: dump.path, identityFile };
  await assertPsqlFitsDump(psqlVersion, file).catch((error: unknown) => {
    throw new ExitError(exitCodes.refused, describeError(error));
  });
  const before = planned ?? (await plan(await readRolesInDump(file, signal)));
  if (!exists) await createTarget(target, manifest?.source, clients, signal);
  const restored = await withProgress(target.database, async (show) => {
    try {
      const { sql, tablespaces } = before;
      const how = { before: sql, tablespaces, searchPath: options.searchPath, needs };
      const what = { ...file, sha256: dump.sha256 };
      return await restoreShown({ clients, env: target.env(target.database), ...what, ...how, signal }, backup, show);
    } catch (error) {
      // Where the outcome is unknown, the database may hold all of it.
      if (!exists && !(error instanceof OutcomeUnknownError)) await dropTarget(target, clients);
      throw error;
    }
  });
  const others = restored.blankedTablespaces.filter((name) => needs?.tablespaces.includes(name) !== true);
  if (others.length > 0) warn(warnOfTablespaces(others));
  const statements =
    needs === undefined || before.bringsSettings
      ? []
      : settingsStatements(needs, target.database, exists ? undefined : target.env(target.database)['PGUSER']);
  if (statements.length > 0)
    console.log(`its source has what no dump holds:\n${statements.map((sql) => `  ${sql}`).join('\n')}`);
  await checkRestored(context, manifest, restored);
}

type Settings = ReturnType<typeof readSettings<'backup' | 'encryption' | 'destinations'>>;

function withIdentity(settings: Settings, identity: string | undefined): Settings {
  if (identity === undefined) return settings;
  return { ...settings, encryption: { ...settings.encryption, identityFile: resolve(identity) } };
}

/** Lists the backups with the manifests that the choice needs: all of them only if none of those will do. */
async function listForChoice(options: ListBackupsOptions, wanted: Wanted, now: Date): Promise<BackupList> {
  if (typeof wanted === 'object' && 'name' in wanted) {
    return listBackups({ ...options, chooseManifests: manifestsAround(parseBackupName(wanted.name).takenAt) });
  }
  const chooseManifests = manifestsAround(wanted === 'latest' ? now : wanted.until);
  const listed = await listBackups({ ...options, chooseManifests });
  const isOpen = !listed.backups.some(hasManifest) && listed.backups.some(({ state }) => state === 'unread');
  return isOpen ? listBackups(options) : listed;
}

async function restoreShown(options: RestoreDumpOptions, { manifest }: Backup, show: Show): Promise<RestoredDump> {
  const onProgress = showTransfer(show, 'restoring', manifest?.sqlBytes);
  const restored = await restoreDump({ ...options, onProgress });
  show(100, `restored ${prettyBytes(restored.content.sqlBytes)} of SQL in ${prettyMilliseconds(restored.restoreMs)}`);
  return restored;
}

/** Shows a bar while work is done. Other lines must wait until the bar is gone. */
async function withProgress<T>(name: string, work: (show: Show) => Promise<T>): Promise<T> {
  using progress = startProgress();
  return await work(progress.add(name));
}

/** The configured source, if there is one. After a disaster there may be only folder and bucket: then a URL is enough. */
function readSource(to: string): PostgresConfig | undefined {
  if (currentServer() !== undefined) return readSettings('postgres').postgres;
  const names = ['DATABASE_URL', 'POSTGRES_HOST', 'POSTGRES_USER', 'POSTGRES_DB', 'POSTGRES_DATABASE'];
  const isConfigured = names.some(
    (name) => (process.env[name] ?? '') !== '' || (process.env[`${name}_FILE`] ?? '') !== '',
  );
  return isConfigured || !isServerUrl(to) ? readSettings('postgres').postgres : undefined;
}

function assertNamedTwiceAlike({ yesOverwriteSource }: RestoreOptions, { database }: RestoreTarget): void {
  if (yesOverwriteSource === undefined || yesOverwriteSource === database) return;
  throw misuse(
    `--to names the database ${JSON.stringify(database)}, and --yes-overwrite-source ${JSON.stringify(yesOverwriteSource)}`,
  );
}

/** Reads the roles out of the dump itself, where its manifest does not name them: one more pass over the file. */
async function readRolesInDump({ path, identityFile }: DumpFile, signal: AbortSignal): Promise<readonly string[]> {
  console.log('its manifest does not say which roles it names; reading it to the end');
  const { roles } = await proveGzip(path, signal, undefined, identityFile);
  if (roles === undefined)
    warn('a role in the dump has a name that cannot be read; if it is missing, the restore fails');
  return roles ?? [];
}
