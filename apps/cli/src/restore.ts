import { join } from 'node:path';
import { listBackups, type Backup } from '@pgstow/catalog/list-backups.ts';
import { findClients, newestClients, type Clients } from '@pgstow/postgres/client-version.ts';
import { proveGzip } from '@pgstow/postgres/prove-gzip.ts';
import { judgePsql } from '@pgstow/postgres/psql-version-policy.ts';
import { OutcomeUnknownError } from '@pgstow/postgres/restore-error.ts';
import { assertPsqlFitsDump, readPsqlVersion, restoreDump, type RestoredDump } from '@pgstow/postgres/restore-dump.ts';
import type { PostgresConfig } from '@pgstow/shared/config/postgres.ts';
import { S3_DESTINATION } from '@pgstow/shared/config/s3.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { Store } from '@pgstow/store/store.ts';
import { Option, type Command } from 'commander';
import prettyBytes from 'pretty-bytes';
import prettyMilliseconds from 'pretty-ms';
import { chooseBackup, parseWanted } from './choose-backup.ts';
import { compareRows } from './compare-rows.ts';
import { createDatabase, dropDatabase } from './create-database.ts';
import { exitCodes, ExitError } from './exit-codes.ts';
import { formatTime } from './format-text.ts';
import { interruptible } from './interruptible.ts';
import { openStores } from './open-stores.ts';
import { readSettings } from './read-settings.ts';
import { isServerUrl, parseTarget, type RestoreTarget } from './restore-target.ts';
import { startProgress } from './show-progress.ts';
import { showTransfer } from './show-transfer.ts';
import { createRole, sqlBeforeRestore } from './sql-before-restore.ts';
import { chooseStagingFolder, hashDump, stageDump, type StagedDump } from './stage-dump.ts';
import { openTarget, readContents, readRoles } from './target-facts.ts';
import { isConfiguredSource } from './is-configured-source.ts';
import { PsqlSession } from '@pgstow/postgres/psql-session.ts';

const EXAMPLES = `
It restores all or nothing, in one transaction: if anything fails, or it is interrupted, the target is as it was. The backup
is checked against its manifest before the target is touched, and the rows of every table afterwards.

Examples:
  pgstow restore shop --to shop_restored --create              the newest backup into a new database of the same server
  pgstow restore shop --to shop_restored --create --at 2026-11-26T03:00:00Z
                                                               as it was at that time, or a little before
  pgstow restore shop --to postgresql://admin@db2/shop --from s3
                                                               what the store holds into an empty database elsewhere
  pgstow restore shop --to shop --force --yes-overwrite-source shop
                                                               over the source itself

A URL's password is better left out of it, and given as PGPASSWORD or in the file that PGPASSFILE names: others see what is
on a command line.`;

type RestoreOptions = {
  readonly to: string;
  readonly at: string;
  readonly from?: string;
  readonly create?: true;
  readonly force?: true;
  readonly yesOverwriteSource?: string;
  readonly createRoles: boolean;
  readonly staging?: string;
};

/** `pgstow restore`: a backup into a database, all or nothing. */
export function addRestore(pgstow: Command): void {
  pgstow
    .command('restore')
    .description('restore a backup into a database, all or nothing, and compare its rows with the manifest')
    .argument('<database>', 'whose backup to restore')
    .requiredOption('--to <target>', 'a database of the configured server, or postgresql://user@host:port/database')
    .option('--at <when>', 'latest, a time in UTC (the newest backup until then), or the name of a backup', 'latest')
    .addOption(
      new Option('--from <place>', 'take it from there (default: the folder if it is there)').choices([
        LOCAL,
        S3_DESTINATION,
      ]),
    )
    .option('--create', 'create the target database; it is dropped again if the restore fails')
    .option('--force', 'drop what is in the target, in the same transaction')
    .option('--yes-overwrite-source <database>', 'say once more that a configured source is to be overwritten')
    .option('--no-create-roles', 'refuse if roles are missing that the backup names, instead of creating them NOLOGIN')
    .option('--staging <folder>', 'where a backup from a store is put meanwhile (default: BACKUP_DIR, if it can be)')
    .addHelpText('after', EXAMPLES)
    .action((database: string, options: RestoreOptions) =>
      interruptible((signal) => restore(database, options, signal)),
    );
}

async function restore(database: string, options: RestoreOptions, signal: AbortSignal): Promise<void> {
  const wanted = parseWanted(options.at, database);
  const { backup: folder, s3 } = readSettings('backup', 's3');
  const postgres = readSource(options.to);
  const target = parseTarget(options.to, postgres);
  assertNamedTwiceAlike(options, target);
  if (options.from === S3_DESTINATION && s3 === undefined)
    throw new ExitError(exitCodes.usage, 'there is no destination s3', 'Set S3_BUCKET.');

  await using stack = new AsyncDisposableStack();
  const stores = options.from === LOCAL ? [] : openStores(s3, stack);
  const { backups, faults } = await listBackups({
    folder: options.from === undefined || options.from === LOCAL ? folder.folder : undefined,
    stores,
    databases: [database],
    signal,
  });
  for (const fault of faults) console.error(`pgstow: warning: ${fault}`);
  const backup = chooseBackup(backups, wanted, options.from);
  const clients = newestClients(await findClients());
  const { warning } = judgePsql(await readPsqlVersion(clients));
  if (warning !== undefined) console.error(`pgstow: warning: ${warning}`);

  const exists = await assertTargetFits(target, postgres, options, clients, signal);
  const place = options.from ?? (backup.places.includes(LOCAL) ? LOCAL : (backup.places[0] ?? LOCAL));
  console.log(`${backup.name}, of ${formatTime(backup.takenAt)} UTC, from ${place}, into ${target.title}`);
  if (backup.state === 'bad')
    console.error(`pgstow: warning: its last restore test found it bad: ${backup.restoreTest?.reason ?? 'it differs'}`);
  using progress = startProgress();
  const show = progress.add(target.database);
  const dump = stack.use(await fetchDump(backup, place, folder.folder, stores, options, show, signal));
  assertContent(dump, backup, place);
  await assertPsqlFitsDump(clients, dump.path).catch((error: unknown) => {
    throw new ExitError(exitCodes.refused, describeError(error));
  });

  const roles = backup.manifest?.roles ?? (await readRolesInDump(dump.path, show, signal));
  const before = await planBefore(target, roles, options, clients, signal);
  if (!exists) await createDatabase(target, backup.manifest?.source, clients, signal);
  const restored = await restoreOrDrop(
    () =>
      restoreDump({
        clients,
        env: target.env(target.database),
        path: dump.path,
        sha256: dump.sha256,
        before,
        signal,
        onProgress: showTransfer(show, 'restoring', backup.manifest?.sqlBytes),
      }),
    exists ? undefined : () => dropDatabase(target, clients),
  );
  show(100, `restored ${prettyBytes(restored.text.bytes)} of SQL in ${prettyMilliseconds(restored.restoreMs)}`);
  await checkRestored(target, backup, restored, clients, signal);
}

/** Where there is no configured source, a URL says all that is needed: after a disaster, folder and bucket may be all there is. */
function readSource(to: string): PostgresConfig | undefined {
  const names = ['DATABASE_URL', 'POSTGRES_HOST', 'POSTGRES_USER', 'POSTGRES_DB', 'POSTGRES_DATABASE'];
  const isConfigured = names.some(
    (name) => (process.env[name] ?? '') !== '' || (process.env[`${name}_FILE`] ?? '') !== '',
  );
  return isConfigured || !isServerUrl(to) ? readSettings('postgres').postgres : undefined;
}

function assertNamedTwiceAlike({ yesOverwriteSource }: RestoreOptions, { database }: RestoreTarget): void {
  if (yesOverwriteSource === undefined || yesOverwriteSource === database) return;
  throw new ExitError(
    exitCodes.usage,
    `--to names the database ${JSON.stringify(database)}, and --yes-overwrite-source ${JSON.stringify(yesOverwriteSource)}`,
  );
}

/** Looks at the target, and touches nothing. @returns whether it exists @throws ExitError if it may not be restored into */
async function assertTargetFits(
  target: RestoreTarget,
  postgres: PostgresConfig | undefined,
  options: RestoreOptions,
  clients: Clients,
  signal: AbortSignal,
): Promise<boolean> {
  const { session, exists } = await openTarget(target, clients, signal);
  await using stack = new AsyncDisposableStack();
  stack.use(session);
  const isSource = postgres !== undefined && (await isConfiguredSource(session, target, postgres, clients, signal));
  if (isSource && options.yesOverwriteSource === undefined) {
    throw new ExitError(
      exitCodes.refused,
      `${target.title} is a configured source; nothing was touched`,
      `Restore into another database, or name it once more: --yes-overwrite-source ${target.database}`,
    );
  }
  if (!exists) {
    if (options.create === true) return false;
    throw new ExitError(
      exitCodes.refused,
      `the database ${target.title} does not exist; nothing was touched`,
      'Give --create to have it created.',
    );
  }
  const { count, first } = await readContents(session);
  if (count === 0 || options.force === true) return true;
  const more = count > first.length ? ` and ${count - first.length} more` : '';
  throw new ExitError(
    exitCodes.refused,
    `${target.title} is not empty: it has ${first.join(', ')}${more}; nothing was touched`,
    'Restore into another database, or give --force to have all of that dropped.',
  );
}

async function fetchDump(
  backup: Backup,
  place: string,
  folder: string,
  stores: readonly Store[],
  options: RestoreOptions,
  show: (percent: number, text: string) => void,
  signal: AbortSignal,
): Promise<StagedDump> {
  if (place === LOCAL) {
    const onProgress = showTransfer(show, 'checking', backup.bytes);
    return hashDump(join(folder, backup.name), { signal, onProgress });
  }
  const store = stores.find((each) => each.place.name === place);
  if (store === undefined) throw new ExitError(exitCodes.failed, `there is no destination ${place}`);
  const staging = await chooseStagingFolder(options.staging, folder);
  const onProgress = showTransfer(show, `fetching from ${place}`, backup.bytes);
  return stageDump(store, backup.name, backup.bytes, staging, { signal, onProgress });
}

function assertContent({ sha256 }: StagedDump, { name, manifest, places }: Backup, place: string): void {
  if (manifest === undefined) {
    console.error(`pgstow: warning: ${name} has no manifest; it is only known to be good once it is restored`);
  } else if (sha256 !== manifest.sha256) {
    const other = places.find((each) => each !== place);
    throw new ExitError(
      exitCodes.bad,
      `${name} at ${place} is BAD: its sha256 is ${sha256}, and its manifest says ${manifest.sha256}; the target was not touched`,
      other === undefined
        ? 'Choose another backup with --at, or another place with --from.'
        : `Try its copy: --from ${other}`,
    );
  }
}

/** For backups whose manifest does not name them. It takes one pass more over the file. */
async function readRolesInDump(
  path: string,
  show: (percent: number, text: string) => void,
  signal: AbortSignal,
): Promise<readonly string[]> {
  show(0, 'reading which roles it names');
  const { text } = await proveGzip(path, signal);
  if (text.roles === undefined) {
    console.error(
      'pgstow: warning: a role in the dump has a name that cannot be read; if it is missing, the restore fails',
    );
  }
  return text.roles ?? [];
}

/** What to run before the dump. @throws ExitError if roles are missing and may not be created */
async function planBefore(
  target: RestoreTarget,
  wanted: readonly string[],
  { createRoles, force }: RestoreOptions,
  clients: Clients,
  signal: AbortSignal,
): Promise<string> {
  const { session, exists } = await openTarget(target, clients, signal);
  await using stack = new AsyncDisposableStack();
  stack.use(session);
  const { missing, mayCreate, isSuperuser } = await readRoles(session, wanted);
  if (missing.length > 0 && (!createRoles || !mayCreate)) {
    const sql = missing.flatMap((role) => createRole(role, true)).join(' ');
    throw new ExitError(
      exitCodes.refused,
      `roles are missing on the target server: ${missing.map((role) => JSON.stringify(role)).join(', ')}; nothing was touched`,
      `${createRoles ? 'The role that restores may not create them. ' : ''}Create them first: ${sql}`,
    );
  }
  if (missing.length > 0) console.log(`roles to be created NOLOGIN: ${missing.join(', ')}`);
  return sqlBeforeRestore({ roles: missing, isSuperuser, isForced: exists && force === true });
}

/** A database that was created for a restore that failed goes again; not if nobody knows whether it failed. */
async function restoreOrDrop(
  run: () => Promise<RestoredDump>,
  drop: (() => Promise<void>) | undefined,
): Promise<RestoredDump> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof OutcomeUnknownError)) await drop?.();
    throw error;
  }
}

/** @throws ExitError 4 with each difference */
async function checkRestored(
  target: RestoreTarget,
  { manifest }: Backup,
  { text }: RestoredDump,
  clients: Clients,
  signal: AbortSignal,
): Promise<void> {
  await using session = await PsqlSession.start(clients, target.env(target.database), signal);
  await session.query('analyze').catch((error: unknown) => {
    signal.throwIfAborted();
    console.error(`pgstow: warning: it is restored, and ANALYZE failed: ${describeError(error)}`);
  });
  const tables = manifest?.tables ?? text.tables;
  if (tables === undefined) {
    console.log('rows were not compared: the dump holds INSERTs, and its manifest no counts');
    return;
  }
  const { tables: count, rows, differences } = await compareRows(session, tables);
  if (differences.length > 0) {
    throw new ExitError(
      exitCodes.bad,
      `it is restored, and differs from its manifest:\n${differences.map((each) => `  - ${each}`).join('\n')}`,
    );
  }
  console.log(`equal to the manifest: ${rows.toLocaleString('en')} rows in ${count} tables`);
}
