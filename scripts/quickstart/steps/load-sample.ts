import { fileURLToPath } from 'node:url';
import { listRelations } from '../list-relations.ts';
import { readRows, type Database } from '../read-rows.ts';
import type { Run } from '../run-to-end.ts';
import type { Servers } from './start-servers.ts';

/** Rows of each table, by its SQL name. */
export type Sample = Readonly<Record<string, number>>;

export const DATABASE = 'household';

const SAMPLE_SQL = fileURLToPath(new URL('../sample.sql', import.meta.url));

/** Fills a sample database, and shows its tables. */
export async function loadSample({ steps, signal }: Run, { postgres }: Servers): Promise<Sample> {
  const sample = await steps.run('Sample database', async (report) => {
    report(`filling "${DATABASE}"`);
    await postgres.createDatabase(DATABASE);
    await postgres.psqlFile(DATABASE, SAMPLE_SQL, signal);
    const sample = await countRows({ postgres, database: DATABASE, signal });
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

async function countRows(database: Database): Promise<Sample> {
  const tables = (await listRelations(database)).filter(({ kind }) => kind === 'table');
  const counts = await readRows(database, tables.map(({ name }) => `SELECT count(*) FROM ${name};`).join('\n'));
  return Object.fromEntries(tables.map(({ name }, index) => [name, Number(counts[index]?.[0])]));
}
