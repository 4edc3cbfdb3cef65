import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import { z } from 'zod';
import { StatementError, type PsqlSession } from '../client/psql-session.ts';
import { isDumped, isUsersSchema } from './made-by-users.ts';

export type Counting = {
  readonly mode: DatabaseFacts['counted'];
  /** Size from which on the rows of a database are estimated instead of counted. */
  readonly exactUpToBytes: number;
};

type Counts = Pick<DatabaseFacts, 'counted' | 'countedBecause' | 'tables'>;
const oidSchema = z.string().regex(/^\d+$/);
const rowCount = z.int().nonnegative();
const tableSchema = z.strictObject({ oid: oidSchema, name: z.string(), estimate: rowCount, condition: z.string() });
type Table = z.infer<typeof tableSchema>;

/** Time that a count may go on after the dump: it keeps the snapshot, and with it rows that VACUUM would clear away. */
const AFTER_DUMP_MS = 60_000;

/**
 * Tables whose rows are in a dump, partitions and unlogged ones included. An extension's condition (`where not builtin`) says which
 * rows of its table are.
 */
const LIST_TABLES = `
with registered as (
  select r.oid, coalesce(r.condition, '') as condition from pg_extension e, unnest(e.extconfig, e.extcondition) r(oid, condition)
)
select jsonb_build_object(
  'oid', c.oid::text, 'name', format('%I.%I', n.nspname, c.relname), 'estimate', greatest(c.reltuples, 0)::bigint,
  'condition', coalesce(r.condition, ''))
from pg_class c join pg_namespace n on n.oid = c.relnamespace left join registered r on r.oid = c.oid
where c.relkind = 'r' and c.relpersistence <> 't' and ${isUsersSchema('n.nspname')}
  and not (c.relpersistence = 'u' and pg_is_in_recovery())
  and ${isDumped('c')}`;

/** Tables that were truncated or written anew since the snapshot, which looks for their rows where they were. */
const LIST_REWRITTEN = `
select to_jsonb(c.oid::text) from pg_class c
where c.relkind = 'r' and pg_relation_filenode(c.oid) is distinct from c.relfilenode`;

/**
 * Counts the rows of every table in the session's snapshot.
 *
 * A snapshot alone locks no table. A table that is truncated or written anew meanwhile looks empty to the snapshot, and is
 * left out.
 *
 * @param dumped settles when the dump of this source ends. Without it, every table is counted, however long that takes
 */
export async function countRows(
  session: PsqlSession,
  { mode, exactUpToBytes }: Counting,
  databaseBytes: number,
  dumped?: Promise<unknown>,
): Promise<Counts> {
  const isTooLarge = mode === 'exact' && databaseBytes > exactUpToBytes;
  if (mode === 'off') {
    await dumped?.catch(() => undefined);
    return { counted: 'off', tables: {} };
  }
  const tables = await session.query(LIST_TABLES, tableSchema);
  if (mode === 'estimate' || isTooLarge) {
    await dumped?.catch(() => undefined);
    return {
      counted: 'estimate',
      ...(isTooLarge ? { countedBecause: `the database takes more than VERIFY_SOURCE_COUNTS_LIMIT` } : {}),
      // The planner estimates whole tables.
      tables: Object.fromEntries(
        tables.filter(({ condition }) => condition === '').map(({ name, estimate }) => [name, estimate]),
      ),
    };
  }
  return countExactly(session, tables, dumped);
}

async function countExactly(
  session: PsqlSession,
  tables: readonly Table[],
  dumped: Promise<unknown> | undefined,
): Promise<Counts> {
  let endedAt = Number.POSITIVE_INFINITY;
  const end = dumped?.catch(() => undefined).then(() => (endedAt = performance.now()));
  const counted = new Map<string, { readonly name: string; readonly rows: number }>();
  /** Why each was not counted. */
  const missing = new Map<string, string>();
  await session.run('savepoint pgstow', 'off');
  for (const { oid, name, condition } of tables) {
    if (performance.now() > endedAt + AFTER_DUMP_MS) {
      missing.set(name, 'it took too long');
      continue;
    }
    try {
      const rows = await session.queryRow(`select to_jsonb(count(*)) from only ${name} ${condition}`, rowCount);
      counted.set(oid, { name, rows });
    } catch (error) {
      // Dropped meanwhile, locked, or too large to be read in time.
      if (!(error instanceof StatementError)) throw error;
      missing.set(name, error.message);
    }
    // Releases the table's lock. Otherwise a client that wants the table alone would wait for us, pg_dump for that client,
    // and we for pg_dump: a deadlock of which the server sees only two waits.
    await session.run('rollback to savepoint pgstow', 'off');
  }
  await end;
  for (const oid of await session.query(LIST_REWRITTEN, oidSchema)) {
    const rewritten = counted.get(oid);
    if (rewritten === undefined) continue;
    missing.set(rewritten.name, 'it was written anew');
    counted.delete(oid);
  }
  const [first] = missing;
  return {
    counted: 'exact',
    ...(first === undefined
      ? {}
      : {
          countedBecause: `${missing.size} of ${tables.length} tables changed, were locked or took too long: ${first[0]} (${first[1]})${missing.size > 1 ? ', …' : ''}`,
        }),
    tables: Object.fromEntries(Array.from(counted.values(), ({ name, rows }) => [name, rows])),
  };
}
