import { rm, type FileHandle } from 'node:fs/promises';
import { folderError } from '@pgstow/catalog/folder/backup-folder.ts';
import { readCompared } from '@pgstow/catalog/folder/read-compared.ts';
import type { KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { judgeDump, type DumpJudgement } from '@pgstow/catalog/policy/dump-policy.ts';
import type { SnapshotOptions } from '@pgstow/postgres/dump/dump-snapshot.ts';
import { needsOfDump } from '@pgstow/postgres/dump/needs-of-dump.ts';
import { pgDump, type PgDumpOptions } from '@pgstow/postgres/dump/pg-dump.ts';
import type { AskedServer } from '@pgstow/postgres/facts/server-facts.ts';
import { proveGzip } from '@pgstow/postgres/proof/prove-gzip.ts';
import { sealAndProve } from '@pgstow/postgres/proof/seal-and-prove.ts';
import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import type { DumpNeeds } from '@pgstow/shared/contract/dump-needs.ts';
import type { GlobalsFacts } from '@pgstow/shared/contract/globals-facts.ts';
import type { ProvenContent } from '@pgstow/shared/contract/manifest.ts';
import { formatAddress, type SourceIdentity } from '@pgstow/shared/contract/source-identity.ts';
import { GLOBALS } from '@pgstow/shared/contract/target.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import prettyBytes from 'pretty-bytes';
import type { DumpContext } from './context.ts';
import { dumpGlobalsAndProve } from './dump-globals-and-prove.ts';
import type { PreparedDump } from './prepare-dump.ts';
import { SourceFacts } from './source-facts.ts';

/** Writes rows of partitions to the root of their table, which finds the partition anew. */
const VIA_ROOT = '--load-via-partition-root';

/** A dump that is proven and lies, synced to the disk, in its partial. */
export type ProvenDump = PreparedDump &
  DumpJudgement & {
    readonly durationMs: number;
    readonly gzip: ProvenContent;
    /** `undefined` if the source could not be asked. */
    readonly source: DatabaseFacts | undefined;
    readonly identity: SourceIdentity;
    /** `undefined` for the globals. */
    readonly needs: DumpNeeds | undefined;
    /** `undefined` for a database. */
    readonly globals: GlobalsFacts | undefined;
  };

/**
 * Dumps a target into its partial, proves it and judges its size. Removes the partial of a dump that failed.
 *
 * @param earlier dumps of the target, oldest first
 */
export async function takeDump(
  task: Task<'dump'>,
  { postgres, backup, encryption: { recipients }, verify }: DumpContext,
  prepared: PreparedDump,
  earlier: readonly KnownDump[],
  signal: AbortSignal,
): Promise<ProvenDump> {
  const { takenAt, partial, file, server } = prepared;
  const startedAt = performance.now();
  try {
    const isGlobals = task.data.target === GLOBALS;
    const { gzip, source, globals } = isGlobals
      ? await takeGlobals(task, postgres, { ...backup, ...prepared, recipients, signal })
      : await dumpAndProve(partial, file, signal, {
          ...backup,
          ...prepared,
          recipients,
          database: task.data.target,
          extraOptions: [...postgres.extraOptions, ...(server.needs.isHashedByOid === true ? [VIA_ROOT] : [])],
          counting: { mode: verify.sourceCounts, exactUpToBytes: verify.exactUpToBytes },
          log: task.log,
          onProgress: (sqlBytes) => task.progress(Math.min(99, Math.floor((100 * sqlBytes) / server.databaseBytes))),
        });
    const durationMs = Math.round(performance.now() - startedAt);
    task.note(
      `proven: ${prettyBytes(gzip.sqlBytes)} of SQL in ${prettyBytes(gzip.bytes)}, ${(durationMs / 1000).toFixed(1)} s`,
    );
    const identity = { ...server.identity, ...(isGlobals ? ANY_DATABASE : {}), address: formatAddress(postgres) };
    const content = { ...gzip, identity };
    const judgement = judgeDump(content, earlier, readCompared(backup.folder, earlier, takenAt), {
      takenAt,
      onShrink: backup.onShrink,
    });
    if (judgement.shrunk !== undefined) warnOfShrinking(task, judgement.shrunk);
    const needs = isGlobals ? undefined : needsOfDump(server.needs, gzip.roles, postgres.extraOptions);
    return { ...prepared, durationMs, gzip, source, globals, identity, needs, ...judgement };
  } catch (error) {
    await rm(partial, { force: true });
    throw folderError(error, backup.folder);
  }
}

/** template1, which each server has: the globals may be dumped through any of its databases. */
const ANY_DATABASE = { databaseOid: 1 } as const;

type Taken = Pick<ProvenDump, 'gzip' | 'source' | 'globals'>;

async function takeGlobals(
  task: Task<'dump'>,
  { globals }: DumpContext['postgres'],
  options: PreparedDump & Pick<PgDumpOptions, 'timeoutMs' | 'signal'> & { readonly recipients: readonly string[] },
): Promise<Taken> {
  const wantsPasswords = globals === 'with-passwords';
  const taken = await dumpGlobalsAndProve(options.partial, options.file, { ...options, wantsPasswords });
  if (wantsPasswords && !taken.globals.hasPasswords) {
    const message = 'the role may not read passwords (pg_authid), so the dump of globals holds none';
    task.log.warn(message);
    task.note(`warning: ${message}`);
  }
  return { ...taken, source: undefined };
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
    SnapshotOptions & {
      readonly recipients: readonly string[];
      readonly server: AskedServer;
      readonly log: Log;
    },
): Promise<Taken> {
  await using sourceFacts = await SourceFacts.open({ ...options, signal });
  const failed = new AbortController();
  const ended = AbortSignal.any([signal, failed.signal]);
  const sealing =
    options.recipients.length === 0 ? undefined : sealAndProve({ ...options, path: partial, file, signal: ended });
  const snapshot = sourceFacts.snapshot;
  const dumped = pgDump({ ...options, file, snapshot, startWriter: sealing?.startWriter, signal: ended });
  const source = sourceFacts.read(dumped);
  const synced = dumped.then(() => file.sync());
  const proof = sealing === undefined ? proveGzip(partial, ended, dumped) : sealing.prove(dumped);
  for (const work of [synced, proof]) work.catch((error: unknown) => failed.abort(error));
  // Neither may go on once the partial is removed.
  await Promise.allSettled([synced, proof]);
  await file.close();
  await synced;
  return { gzip: await proof, source: await source, globals: undefined };
}

function warnOfShrinking(task: Task<'dump'>, shrunk: string): void {
  const message = `the dump has shrunk: ${shrunk}`;
  task.log.warn(message);
  task.note(`warning: ${message}`);
}
