import type { Backup } from '@pgstow/catalog/list-backups.ts';
import { PsqlSession } from '@pgstow/postgres/psql-session.ts';
import type { RestoredDump } from '@pgstow/postgres/restore-dump.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { compareRows } from './compare-rows.ts';
import { exitCodes, ExitError } from './exit-codes.ts';
import type { RestoreContext } from './restore-context.ts';

/** Has the planner look at what was restored, and counts it. @throws ExitError 4 with each difference from the manifest */
export async function checkRestored(
  { target, clients, signal }: RestoreContext,
  { manifest }: Backup,
  { text }: RestoredDump,
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
  console.log(
    `equal to the manifest: ${rows.toLocaleString('en')} rows in ${count} ${count === 1 ? 'table' : 'tables'}`,
  );
}
