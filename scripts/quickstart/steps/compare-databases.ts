import { listRelations, type Relation } from '../list-relations.ts';
import { readRows, type Database } from '../read-rows.ts';
import type { Run } from '../run-to-end.ts';
import { DATABASE } from './load-sample.ts';
import type { Servers } from './start-servers.ts';

/** A line for each table, view and sequence: its rows and a hash of their content, or its last value. */
type Contents = ReadonlyMap<string, string>;

/** Compares every row of the restored database with the source. @returns the number of tables and so on, for the summary */
export async function compareDatabases(
  { steps, signal }: Run,
  { postgres }: Servers,
  restored: string,
): Promise<string> {
  return steps.run('Comparison', async (report) => {
    const of = (database: string): Database => ({ postgres, database, signal });
    const relations = await listRelations(of(DATABASE));
    report('row count and content hash of every table');
    const [source, scratch] = await Promise.all([readContents(of(DATABASE), relations), readContents(of(restored))]);

    const names = new Set([...source.keys(), ...scratch.keys()]);
    const differing = [...names].filter((name) => source.get(name) !== scratch.get(name));
    if (differing.length > 0) {
      const lines = differing.map(
        (name) => `  ${name}: ${source.get(name)} at the source, ${scratch.get(name)} restored`,
      );
      throw new Error(`wanted the same content at the source and restored, but these differ:\n${lines.join('\n')}`);
    }
    const tables = relations.filter(({ kind }) => kind === 'table').length;
    const views = relations.length - tables;
    const what = `${tables} tables, ${views} views, ${source.size - relations.length} sequences`;
    report(`${what}: all rows the same`);
    return what;
  });
}

async function readContents(database: Database, known?: readonly Relation[]): Promise<Contents> {
  const relations = known ?? (await listRelations(database));
  // A sum does not depend on the order of the rows.
  const queries = relations.map(({ name }) => {
    const hash = 'coalesce(sum(hashtextextended(rows::text, 0)), 0)';
    return `SELECT '${name.replaceAll("'", "''")}', count(*) || ' rows, hash ' || ${hash} FROM ${name} AS rows`;
  });
  queries.push(
    `SELECT format('%I.%I', schemaname, sequencename), 'last value ' || coalesce(last_value::text, 'none') FROM pg_sequences`,
  );
  const lines = await readRows(database, queries.join(';\n'));
  return new Map(lines.map(([name = '', content = '']) => [name, content]));
}
