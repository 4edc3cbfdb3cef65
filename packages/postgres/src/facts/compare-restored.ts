import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import type { Finding } from '@pgstow/shared/contract/finding.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { z } from 'zod';
import type { PsqlSession } from '../client/psql-session.ts';
import { quoteLiteral } from '../client/sql-quote.ts';
import { compareFacts, tablesWithoutRows } from './compare-facts.ts';
import { readDatabaseFacts } from './database-facts.ts';
import { foldPartitions, type PartitionTrees } from './fold-partitions.ts';
import { FIRST_OF_USERS } from './made-by-users.ts';
import { nextValuesInDump, type SequencesInDump } from './values-in-dump.ts';

export type RestoredComparison = {
  /** Differences from the manifest. */
  readonly findings: readonly Finding[];
  /** Comparisons that were not possible or do not decide, a sentence each. */
  readonly notes: readonly string[];
  /** Reasons for which rows of some tables were not counted, a sentence each. */
  readonly uncounted: readonly string[];
  readonly tables: number;
  readonly rows: number;
};

/**
 * Reads a restored database, every row of it, and compares it with the manifest of its dump.
 *
 * @param session outside of a transaction
 * @param inDump sequences as the text of the dump sets them
 * @throws StatementError | PermanentError | RetryableError as the session does
 */
export async function compareRestored(
  session: PsqlSession,
  manifest: Pick<Manifest, 'tables' | 'source' | 'serverVersion'>,
  inDump: SequencesInDump = new Map(),
): Promise<RestoredComparison> {
  // Row-level security fails a count instead of hiding rows from it.
  await session.run('set row_security = off');
  await session.run('begin transaction isolation level repeatable read, read only');
  const version = await session.queryRow("select to_jsonb(current_setting('server_version'))", z.string());
  const facts = await readDatabaseFacts(session, { mode: 'exact', exactUpToBytes: Number.POSITIVE_INFINITY });
  const uncounted =
    facts.countedBecause === undefined ? [] : [`rows of the restored database: ${facts.countedBecause}`];
  const { missing, trees } = await findPartitioned(session, manifest.tables, facts);
  const valuesInDump = await nextValuesInDump(session, inDump);
  const mayHaveWritten = await session.queryRow(MAY_HAVE_WRITTEN, z.boolean());
  await session.run('rollback');
  const counts = Object.values(facts.tables);
  const { source, tables } = manifest;
  const folded = {
    ...manifest,
    tables: tables && foldPartitions(tables, trees, false),
    source: source && { ...source, tables: foldPartitions(source.tables, trees, true) },
  };
  const arrived = { ...facts, tables: foldPartitions(facts.tables, trees, true) };
  return {
    ...compareFacts(folded, arrived, { missing, version, valuesInDump, mayHaveWritten }),
    uncounted,
    tables: counts.length,
    rows: counts.reduce((sum, rows) => sum + rows, 0),
  };
}

/**
 * Whether a restore, or a session after it, may write rows of its own. Indexes and materialized views run functions; pg_dump makes
 * event triggers before the last statements of a restore, and those on login fire for whoever compares. Other triggers fire only for
 * what such a function writes.
 */
const MAY_HAVE_WRITTEN = `
select to_jsonb(exists (select from pg_event_trigger) or exists (
  select from pg_proc p join pg_language l on l.oid = p.prolang
  where p.oid >= ${FIRST_OF_USERS} and p.provolatile = 'v' and l.lanname not in ('internal', 'c')
    and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
    and not exists (select from pg_depend d where d.classid = p.tableoid and d.objid = p.oid and d.deptype = 'e')))`;

const kindSchema = z.tuple([z.string(), z.enum(['missing', 'partitioned', 'other']), z.array(z.string())]);

/**
 * Finds the partitioned tables that a dump fills at their root, with their partitions, and tables of the dump that are missing. What a
 * dump fills is not known if its rows were not counted: then every root may be one.
 */
async function findPartitioned(
  session: PsqlSession,
  dumped: Manifest['tables'],
  facts: DatabaseFacts,
): Promise<{ readonly missing: ReadonlySet<string>; readonly trees: PartitionTrees }> {
  const names = dumped === undefined ? await session.query(LIST_ROOTS, z.string()) : tablesWithoutRows(dumped, facts);
  const kinds = await session.query(
    `select jsonb_build_array(name, case when c.oid is null then 'missing' when relkind = 'p' then 'partitioned' else 'other' end,
       (select coalesce(jsonb_agg(format('%I.%I', n.nspname, l.relname)), '[]') from pg_partition_tree(c.oid) t
        join pg_class l on l.oid = t.relid and l.relkind = 'r' join pg_namespace n on n.oid = l.relnamespace))
     from unnest(array[${names.map(quoteLiteral).join(', ')}]::text[]) name left join pg_class c on c.oid = to_regclass(name)`,
    kindSchema,
  );
  return {
    missing: new Set(kinds.flatMap(([name, kind]) => (kind === 'missing' ? [name] : []))),
    trees: new Map(kinds.flatMap(([name, kind, leaves]) => (kind === 'partitioned' ? [[name, leaves]] : []))),
  };
}

const LIST_ROOTS = `
select to_jsonb(format('%I.%I', n.nspname, c.relname)) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'p' and not c.relispartition`;
