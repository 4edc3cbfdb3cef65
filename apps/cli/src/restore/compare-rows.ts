import { StatementError, type PsqlSession } from '@pgstow/postgres/client/psql-session.ts';
import { quoteLiteral } from '@pgstow/postgres/client/sql-quote.ts';
import { z } from 'zod';

const tableSchema = z.strictObject({ name: z.string(), only: z.boolean() });

export type RowComparison = {
  readonly tables: number;
  readonly rows: number;
  /** A sentence each. */
  readonly differences: readonly string[];
  /** Tables that may not be counted, and why. */
  readonly uncounted: readonly string[];
};

/**
 * Counts the rows of every table that a dump holds rows of. A partitioned table is counted with its partitions; of others,
 * those that inherit from them are tables of their own.
 *
 * @param tables rows by SQL name
 */
export async function compareRows(
  session: PsqlSession,
  tables: Readonly<Record<string, number>>,
): Promise<RowComparison> {
  const differences: string[] = [];
  const uncounted: string[] = [];
  let rows = 0;
  // Row-level security may hide rows; that is a fault here, and not fewer rows.
  await session.run('set row_security = off');
  // Up to some half a second of counting, to start workers for it takes more than they save: ANALYZE runs beside it.
  await session.run("set min_parallel_table_scan_size = '1GB'");
  for (const [name, wanted] of Object.entries(tables)) {
    const [table] = await session.query(
      `select jsonb_build_object('name', oid::regclass::text, 'only', relkind <> 'p') from pg_class where oid = to_regclass(${quoteLiteral(name)})`,
      tableSchema,
    );
    if (table === undefined) {
      differences.push(`table ${name} is missing`);
      continue;
    }
    const { name: own, only } = table;
    try {
      const count = await session.queryRow(
        `select to_jsonb(count(*)) from ${only ? 'only ' : ''}${own}`,
        z.int().nonnegative(),
      );
      rows += count;
      if (count !== wanted) differences.push(`table ${name} has ${count} rows, not ${wanted}`);
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
      uncounted.push(`table ${name}: ${error.message}`);
    }
  }
  return { tables: Object.keys(tables).length, rows, differences, uncounted };
}
