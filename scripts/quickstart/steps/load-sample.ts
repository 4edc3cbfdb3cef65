import { fileURLToPath } from 'node:url';
import { listRelations } from '../list-relations.ts';
import { runPsql, type PsqlOptions } from '../run-psql.ts';
import type { Run } from '../run-to-end.ts';
import type { Servers } from './start-servers.ts';

/** Rows of each table, by its SQL name. */
export type Sample = Readonly<Record<string, number>>;

export const DATABASE = 'household';

const SAMPLE_SQL = fileURLToPath(new URL('../sample.sql', import.meta.url));

/** Fills a sample database, and shows its tables. */
export async function loadSample({ steps, signal }: Run, { postgres }: Servers): Promise<Sample> {
  const psql = { postgres, database: DATABASE, signal };
  const sample = await steps.run('Sample database', async (report) => {
    report(`filling "${DATABASE}"`);
    await postgres.createDatabase(DATABASE);
    await runPsql(psql, ['-f', SAMPLE_SQL]);
    const sample = await countRows(psql);
    report(`"${DATABASE}", ${sumRows(sample).toLocaleString('en')} rows in ${Object.keys(sample).length} tables:`);
    return sample;
  });
  const width = Math.max(...Object.keys(sample).map((table) => table.length));
  for (const [table, rows] of Object.entries(sample)) {
    steps.say(`${' '.repeat(27)}${table.padEnd(width)}  ${rows.toLocaleString('en').padStart(7)}`);
  }
  return sample;
}

export function sumRows(tables: Sample): number {
  return Object.values(tables).reduce((sum, rows) => sum + rows, 0);
}

async function countRows(psql: PsqlOptions): Promise<Sample> {
  const tables = (await listRelations(psql)).filter(({ kind }) => kind === 'table');
  const counts = await runPsql(
    psql,
    tables.flatMap(({ name }) => ['-c', `SELECT count(*) FROM ${name}`]),
  );
  return Object.fromEntries(tables.map(({ name }, index) => [name, Number(counts[index]?.[0])]));
}
