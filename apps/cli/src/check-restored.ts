import type { Backup } from '@pgstow/backups/list-backups.ts';
import { PsqlSession } from '@pgstow/postgres/psql-session.ts';
import type { RestoredDump } from '@pgstow/postgres/restore-dump.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { compareRows, type RowComparison } from './compare-rows.ts';
import { exitCodes, ExitError } from './exit-codes.ts';
import type { RestoreContext } from './restore-context.ts';

/**
 * Has the planner look at what was restored, and counts it.
 *
 * @throws ExitError 4 with each difference from the manifest, 5 for what could not be compared
 */
export async function checkRestored(
  context: RestoreContext,
  { manifest }: Backup,
  { text }: RestoredDump,
): Promise<void> {
  const tables = manifest?.tables ?? text.tables;
  const counted = await analyzeAndCompare(context, tables ?? {});
  const { differences, uncounted } = counted;
  const against = manifest?.tables === undefined ? 'what the dump holds' : 'its manifest';
  if (differences.length > 0)
    throw new ExitError(exitCodes.bad, `it is restored, and differs from ${against}:\n${listed(differences)}`);
  if (uncounted.length > 0)
    throw new ExitError(exitCodes.couldNotTell, `it is restored, and was not compared whole:\n${listed(uncounted)}`);
  if (tables === undefined) {
    console.log('its rows were not compared: the dump holds INSERTs, or names that cannot be read');
    return;
  }
  const { tables: count, rows } = counted;
  console.log(`equal to ${against}: ${rows.toLocaleString('en')} rows in ${count} ${count === 1 ? 'table' : 'tables'}`);
}

/** Rows are counted beside ANALYZE, in a session of its own; after it where the server grants us one session alone. */
async function analyzeAndCompare(
  context: RestoreContext,
  tables: Readonly<Record<string, number>>,
): Promise<RowComparison> {
  const { signal } = context;
  try {
    await using session = await openSession(context);
    const analysed = session.query('analyze').catch((error: unknown) => {
      if (signal.aborted) return;
      console.error(`pgstow: warning: it is restored, and ANALYZE failed: ${describeError(error)}`);
    });
    await using another = await openSession(context).catch(() => undefined);
    const compared = compareRows(another ?? session, tables);
    await Promise.allSettled([compared, analysed]);
    signal.throwIfAborted();
    return await compared;
  } catch (error) {
    // What is restored stays so: this must not look like a restore that failed.
    if (signal.aborted)
      console.error('pgstow: warning: it is restored, and stays so; its ANALYZE and comparison were cut off');
    signal.throwIfAborted();
    throw new ExitError(exitCodes.couldNotTell, `it is restored, and could not be compared: ${describeError(error)}`);
  }
}

function openSession({ target, clients, signal }: RestoreContext): Promise<PsqlSession> {
  return PsqlSession.start(clients, target.env(target.database), signal);
}

function listed(sentences: readonly string[]): string {
  return sentences.map((each) => `  - ${each}`).join('\n');
}
