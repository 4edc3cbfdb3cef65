import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { assertRoom, folderError } from '@pgstow/catalog/folder/backup-folder.ts';
import type { KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { chooseClients, findClients, newestClients, type Clients } from '@pgstow/postgres/client/client-version.ts';
import { libpqEnvironment } from '@pgstow/postgres/client/libpq-environment.ts';
import { chooseCompressor } from '@pgstow/postgres/dump/compressor.ts';
import { askServer, type AskedServer } from '@pgstow/postgres/facts/server-facts.ts';
import { formatBackupName, parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { GLOBALS } from '@pgstow/shared/contract/target.ts';
import { isThere, PARTIAL } from '@pgstow/shared/runtime/atomic-file.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import prettyBytes from 'pretty-bytes';
import type { DumpContext } from './context.ts';
import { openServer } from './open-server.ts';

/** All that pg_dump is started with, and the open partial that it writes to. */
export type PreparedDump = {
  readonly name: BackupName;
  readonly takenAt: Date;
  readonly partial: string;
  /** `takeDump` closes it. */
  readonly file: FileHandle;
  readonly env: ReturnType<typeof libpqEnvironment>;
  /** `takeDump` ends its session. */
  readonly server: AskedServer;
  readonly clients: Clients;
  readonly compressor: Awaited<ReturnType<typeof chooseCompressor>>;
};

/**
 * Chooses the programs for the server's version, and opens a partial where there is room for a dump.
 *
 * @param earlier dumps of the target, oldest first
 * @throws NoSpaceError
 */
export async function prepareDump(
  task: Task<'dump'>,
  context: DumpContext,
  earlier: readonly KnownDump[],
  signal: AbortSignal,
): Promise<PreparedDump> {
  const { postgres, backup } = context;
  const { target } = task.data;
  const isGlobals = target === GLOBALS;
  const name = `pgstow ${task.id}`;
  const env = libpqEnvironment(postgres, isGlobals ? await findOpenDatabase(context, name, signal) : target, name);
  const installed = await findClients();
  const server = await askServer(newestClients(installed), env, signal);
  await using stack = new AsyncDisposableStack();
  stack.use(server.session);
  const clients = chooseClients(installed, server.major);
  const compressor = await chooseCompressor(backup.compression);
  // The database's size says nothing of a first dump that POSTGRES_EXTRA_OPTS may shorten.
  const databaseBytes = isGlobals || postgres.extraOptions.length > 0 ? 0 : server.databaseBytes;
  // The size of a dump that shrank beyond belief says nothing of the next one.
  const last = earlier.findLast((dump) => !isSuspect(dump));
  await assertRoom(backup.folder, last?.manifest.bytes, databaseBytes);
  const takenAt = new Date();
  const { recipients } = context.encryption;
  const encrypts = recipients.length > 0;
  const sealing = encrypts ? `, encrypted by age to ${recipients.length} key(s)` : '';
  const opened = await openPartial(backup.folder, { database: target, takenAt, encrypts }, earlier);
  task.concerns(opened.name);
  task.note(
    isGlobals
      ? `dumping the globals of server ${server.version} with pg_dumpall ${clients.version} and ${compressor.program}${sealing}`
      : `dumping ${JSON.stringify(target)}, ${prettyBytes(server.databaseBytes)} on server ${server.version}, with pg_dump ${clients.version} and ${compressor.program}${sealing}`,
  );
  stack.move();
  return { ...opened, takenAt, env, server, clients, compressor };
}

/** A database that lets us in. */
async function findOpenDatabase(context: DumpContext, name: string, signal: AbortSignal): Promise<string> {
  await using session = await openServer(context, name, signal);
  return session.database;
}

/**
 * Opens the first free name from this second on. It comes after those of the dumps taken before, as a name of this second may have been
 * pruned already, and lie at the destination. The lock keeps other writers of this target out.
 */
async function openPartial(
  folder: string,
  { database, takenAt, encrypts }: { readonly database: string; readonly takenAt: Date; readonly encrypts: boolean },
  earlier: readonly KnownDump[],
): Promise<{ readonly name: BackupName; readonly partial: string; readonly file: FileHandle }> {
  const before = earlier.filter(({ manifest }) => Date.parse(manifest.takenAt) <= takenAt.getTime());
  for (let second = 0; ; second += 1) {
    const at = new Date(takenAt.getTime() + second * 1000);
    const name = formatBackupName(database, at, encrypts);
    const { takenAt: named } = parseBackupName(name);
    if (before.some(({ manifest }) => parseBackupName(manifest.name).takenAt >= named)) continue;
    if ((await isThere(join(folder, name))) || (await isThere(join(folder, formatBackupName(database, at, !encrypts)))))
      continue;
    const partial = join(folder, `${name}${PARTIAL}`);
    try {
      return { name, partial, file: await open(partial, 'wx', 0o600) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw folderError(error, folder);
    }
  }
}
