import { readRows, type Database } from './read-rows.ts';

export type Relation = { readonly name: string; readonly kind: 'table' | 'view' };

const RELATIONS = `
  SELECT format('%I.%I', nspname, relname), CASE relkind WHEN 'r' THEN 'table' ELSE 'view' END
  FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
  WHERE relkind IN ('r', 'v', 'm') AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  ORDER BY 1`;

/** Lists the tables and views (materialized ones too) of a database, by their SQL names. */
export async function listRelations(database: Database): Promise<readonly Relation[]> {
  const rows = await readRows(database, RELATIONS);
  return rows.map(([name = '', kind]) => ({ name, kind: kind === 'table' ? 'table' : 'view' }));
}
