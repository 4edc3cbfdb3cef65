import { readAcceptedFindings } from '@pgstow/catalog/folder/read-accepted-findings.ts';
import { separateAccepted, type AcceptedFindings } from '@pgstow/catalog/policy/findings-policy.ts';
import { PsqlSession, StatementError } from '@pgstow/postgres/client/psql-session.ts';
import { compareRestored, type RestoredComparison } from '@pgstow/postgres/facts/compare-restored.ts';
import type { RestoredDump } from '@pgstow/postgres/restore/restore-dump.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { exitCodes, ExitError } from '../exit-codes.ts';
import { warn } from '../format/warn.ts';
import type { RestoreContext } from './restore-context.ts';

/**
 * Runs ANALYZE on what was restored, and compares it with the manifest.
 *
 * @throws ExitError 4 with each difference from the manifest, 5 for what could not be compared
 */
export async function checkRestored(
  context: RestoreContext,
  manifest: Manifest | undefined,
  { content, sequences }: RestoredDump,
): Promise<void> {
  const held = { ...manifest, tables: manifest?.tables ?? content.tables };
  const { findings, notes, uncounted, tables, rows } = await analyzeAndCompare(context, held, sequences);
  const accepted = separateAccepted(findings, await findAccepted(context.folder, manifest));
  const isKnown = held.tables !== undefined || held.source !== undefined;
  const against = manifest?.tables === undefined && held.source === undefined ? 'what the dump holds' : 'its manifest';
  for (const note of [...notes, ...accepted.notes]) console.log(`note: ${note}`);
  if (accepted.standing.length > 0) {
    const differences = accepted.standing.map(({ difference }) => difference);
    throw new ExitError(
      exitCodes.bad,
      `it is restored, and differs from ${against}:\n${listed(differences)}`,
      manifest === undefined ? undefined : hintOfAccepted(manifest.name),
    );
  }
  if (uncounted.length > 0)
    throw new ExitError(exitCodes.couldNotTell, `it is restored, and was not compared whole:\n${listed(uncounted)}`);
  const exception = accepted.notes.length === 0 ? '' : ', but for what was accepted';
  if (isKnown)
    console.log(
      `equal to ${against}${exception}: ${rows.toLocaleString('en')} rows in ${tables} ${tables === 1 ? 'table' : 'tables'}`,
    );
}

function hintOfAccepted(name: string): string {
  const files = name.replace(/^backup_(.*)_\d{8}_\d{6}\.sql\.gz(?:\.age)?$/, 'accepted_$1_*.json');
  return `All of it was restored and is committed. What a person has accepted of this database lies in the backup folder alone: where restore tests of it are GOOD and this names the same, copy ${files} from there into BACKUP_DIR here, and the next restore knows it.`;
}

/** Reads what was accepted of the backup's database. After a disaster there may be no folder that knows. */
async function findAccepted(folder: string, manifest: Manifest | undefined): Promise<AcceptedFindings> {
  if (manifest === undefined) return new Map();
  return readAcceptedFindings(folder, manifest).catch(() => new Map());
}

async function analyzeAndCompare(
  { target, clients, signal }: RestoreContext,
  held: Parameters<typeof compareRestored>[1],
  sequences: RestoredDump['sequences'],
): Promise<RestoredComparison> {
  try {
    await using session = await PsqlSession.start(clients, target.env(target.database), signal);
    await session.run('analyze').catch((error: unknown) => {
      if (!(error instanceof StatementError) || signal.aborted) throw error;
      warn(`it is restored, and ANALYZE failed: ${describeError(error)}`);
    });
    return await compareRestored(session, held, sequences);
  } catch (error) {
    // The restore is committed: this must not look like a restore that failed.
    if (signal.aborted) warn('it is restored, and stays so; its ANALYZE and comparison were cut off');
    signal.throwIfAborted();
    throw new ExitError(exitCodes.couldNotTell, `it is restored, and could not be compared: ${describeError(error)}`);
  }
}

function listed(sentences: readonly string[]): string {
  return sentences.map((each) => `  - ${each}`).join('\n');
}
