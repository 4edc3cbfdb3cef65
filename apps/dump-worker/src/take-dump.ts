import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { assertRoom, folderError } from '@pgstow/catalog/folder/backup-folder.ts';
import type { KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { judgeDump, type DumpJudgement } from '@pgstow/catalog/policy/dump-policy.ts';
import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { chooseClients, findClients, newestClients } from '@pgstow/postgres/client/client-version.ts';
import { libpqEnvironment } from '@pgstow/postgres/client/libpq-environment.ts';
import { chooseCompressor } from '@pgstow/postgres/dump/compressor.ts';
import type { SnapshotOptions } from '@pgstow/postgres/dump/dump-snapshot.ts';
import { pgDump, type PgDumpOptions } from '@pgstow/postgres/dump/pg-dump.ts';
import { askServer } from '@pgstow/postgres/facts/server-facts.ts';
import { proveGzip } from '@pgstow/postgres/proof/prove-gzip.ts';
import { formatBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import type { ProvenContent } from '@pgstow/shared/contract/manifest.ts';
import { formatAddress, type SourceIdentity } from '@pgstow/shared/contract/source-identity.ts';
import { isThere, PARTIAL } from '@pgstow/shared/runtime/atomic-file.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';
import type { Task } from '@pgstow/shared/runtime/worker.ts';
import prettyBytes from 'pretty-bytes';
import type { DumpWorker } from './dump-worker.ts';
import { SourceFacts } from './source-facts.ts';

/** A dump that is proven and lies, synced to the disk, in its partial. */
export type ProvenDump = DumpJudgement & {
  readonly name: BackupName;
  readonly database: string;
  readonly takenAt: Date;
  readonly partial: string;
  readonly durationMs: number;
  readonly gzip: ProvenContent;
  readonly compressor: string;
  readonly pgDumpVersion: string;
  readonly serverVersion: string;
  /** `undefined` if the source could not be asked. */
  readonly source: DatabaseFacts | undefined;
  readonly identity: SourceIdentity;
};

/**
 * Dumps a target into a partial and proves it. A partial whose dump failed is removed.
 *
 * @param earlier dumps of the target, oldest first
 */
export async function takeDump(
  task: Task<'dump'>,
  { postgres, backup, verify, tell }: DumpWorker,
  earlier: readonly KnownDump[],
  signal: AbortSignal,
): Promise<ProvenDump> {
  const { target: database } = task.data;
  const env = libpqEnvironment(postgres, database, `pgstow ${task.id}`);
  const installed = await findClients();
  const server = await askServer(newestClients(installed), env, signal);
  const clients = chooseClients(installed, server.major);
  const compressor = await chooseCompressor(backup.compression);
  // With options of the user's own, the database's size says nothing of a first dump.
  const databaseBytes = postgres.extraOptions.length > 0 ? 0 : server.databaseBytes;
  // What shrank beyond belief says nothing of the room that the next one needs.
  const last = earlier.findLast((dump) => !isSuspect(dump));
  await assertRoom(backup.folder, last?.manifest.bytes, databaseBytes);
  const takenAt = new Date();
  const startedAt = performance.now();
  const { name, partial, file } = await openPartial(backup.folder, database, takenAt);
  task.concerns(name);
  task.note(
    `dumping ${JSON.stringify(database)}, ${prettyBytes(server.databaseBytes)} on server ${server.version}, with pg_dump ${clients.version} and ${compressor.program}`,
  );
  tell.dumpBegins(task.id, database, name);
  try {
    const { gzip, source } = await dumpAndProve(partial, file, signal, {
      ...backup,
      clients,
      compressor,
      database,
      env,
      extraOptions: postgres.extraOptions,
      counting: { mode: verify.sourceCounts, exactUpToBytes: verify.exactUpToBytes },
      log: task.log,
      onProgress: (sqlBytes) => task.progress(Math.min(99, Math.floor((100 * sqlBytes) / server.databaseBytes))),
    });
    const durationMs = Math.round(performance.now() - startedAt);
    task.note(
      `proven: ${prettyBytes(gzip.sqlBytes)} of SQL in ${prettyBytes(gzip.bytes)}, ${(durationMs / 1000).toFixed(1)} s`,
    );
    const identity = { ...server.identity, address: formatAddress(postgres) };
    const content = { ...gzip, identity };
    const judgement = judgeDump(content, earlier, { takenAt, onShrink: backup.onShrink });
    if (judgement.shrunk !== undefined) warnOfShrinking(task, judgement.shrunk);
    return {
      name,
      database,
      takenAt,
      partial,
      durationMs,
      gzip,
      compressor: compressor.program,
      pgDumpVersion: clients.version,
      serverVersion: server.version,
      source,
      identity,
      ...judgement,
    };
  } catch (error) {
    await rm(partial, { force: true });
    throw folderError(error, backup.folder);
  }
}

/**
 * Writes the partial and proves it as it grows, and asks the source meanwhile what the dump must hold; what fails first ends
 * both. The file is closed in any case.
 */
async function dumpAndProve(
  partial: string,
  file: FileHandle,
  signal: AbortSignal,
  options: Omit<PgDumpOptions, 'file' | 'signal' | 'snapshot'> &
    Pick<SnapshotOptions, 'counting'> & { readonly log: Log },
): Promise<{ readonly gzip: ProvenContent; readonly source: DatabaseFacts | undefined }> {
  await using sourceFacts = await SourceFacts.open({ ...options, signal });
  const failed = new AbortController();
  const ended = AbortSignal.any([signal, failed.signal]);
  const dumped = pgDump({ ...options, file, snapshot: sourceFacts.snapshot, signal: ended });
  const source = sourceFacts.read(dumped);
  const synced = dumped.then(() => file.sync());
  const proof = proveGzip(partial, ended, dumped);
  for (const work of [synced, proof]) work.catch((error: unknown) => failed.abort(error));
  // Neither may go on once the partial is removed.
  await Promise.allSettled([synced, proof]);
  await file.close();
  await synced;
  return { gzip: await proof, source: await source };
}

/** The first free name from this second on; nobody else writes dumps of this target now. */
async function openPartial(
  folder: string,
  database: string,
  takenAt: Date,
): Promise<{ readonly name: BackupName; readonly partial: string; readonly file: FileHandle }> {
  for (let second = 0; ; second += 1) {
    const name = formatBackupName(database, new Date(takenAt.getTime() + second * 1000));
    if (await isThere(join(folder, name))) continue;
    const partial = join(folder, `${name}${PARTIAL}`);
    try {
      return { name, partial, file: await open(partial, 'wx', 0o600) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw folderError(error, folder);
    }
  }
}

function warnOfShrinking(task: Task<'dump'>, shrunk: string): void {
  const message = `the dump has shrunk: ${shrunk}`;
  task.log.warn(message);
  task.note(`warning: ${message}`);
}
