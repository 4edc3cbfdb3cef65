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

/** Tables that one statement counts at most: thousands of small ones cost more to ask for than to count. */
const MOST_AT_ONCE = 25;
/** After a count of this length, the next table is counted alone. */
const LONG_COUNT_MS = 200;
/**
 * Limit for a locked table while other tables are locked for the same count. It is shorter than `deadlock_timeout`, so that the
 * server never ends another client's transaction for us.
 */
const SHORT_LOCK_LIMIT = '200ms';

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
  let atOnce = 1;
  for (let at = 0; at < tables.length;) {
    const batch = tables.slice(at, at + atOnce);
    const startedAt = performance.now();
    const isLate = startedAt > endedAt + AFTER_DUMP_MS;
    const answer = isLate ? 'it took too long' : await countTogether(session, batch);
    const isRefused = typeof answer === 'string';
    if (isRefused && !isLate && batch.length > 1) {
      // One of them, alone, will be refused again.
      atOnce = 1;
      continue;
    }
    for (const [index, { oid, name }] of batch.entries()) {
      if (isRefused) missing.set(name, answer);
      else counted.set(oid, { name, rows: answer.get(index) ?? 0 });
    }
    at += batch.length;
    const isLong = performance.now() - startedAt > LONG_COUNT_MS;
    atOnce = isLong ? 1 : Math.min(MOST_AT_ONCE, 2 * atOnce);
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

/** Counts tables in one statement. @returns the rows of each, by its index; or why the server refuses */
async function countTogether(
  session: PsqlSession,
  tables: readonly Table[],
): Promise<ReadonlyMap<number, number> | string> {
  const counts = tables.map(
    ({ name, condition }, index) => `select jsonb_build_array(${index}, count(*)) from only ${name} ${condition}`,
  );
  if (tables.length > 1) await session.run(`set local lock_timeout = '${SHORT_LOCK_LIMIT}'`, 'off');
  const answer = await session
    .query(counts.join('\nunion all\n'), z.tuple([rowCount, rowCount]), 'off')
    .catch((error: unknown) => {
      // Dropped meanwhile, locked, or too large to be read in time.
      if (error instanceof StatementError) return error.message;
      throw error;
    });
  // Releases the tables' locks, and sets back the limit. Otherwise a client that wants a table alone would wait for us, pg_dump for
  // that client, and we for pg_dump: a deadlock of which the server sees only two waits.
  await session.run('rollback to savepoint pgstow', 'off');
  return typeof answer === 'string' ? answer : new Map(answer);
}
