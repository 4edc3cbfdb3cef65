import { createHash } from 'node:crypto';
import { databaseFactsSchema, type DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import { z } from 'zod';
import type { PsqlSession } from '../client/psql-session.ts';
import { quoteLiteral } from '../client/sql-quote.ts';
import { countRows, type Counting } from './count-rows.ts';
import { LIST_LOSSES } from './list-losses.ts';
import { isDumped, isUsersSchema } from './made-by-users.ts';
import { DESCRIBE_OBJECTS, DESCRIPTION_VERSION } from './schema-objects.ts';

type Sequence = { readonly next: string; readonly increment: string };
type Sequences = ReadonlyMap<string, Sequence>;

/** Sequences that one statement reads: the time to plan one grows faster than its parts. */
const AT_ONCE = 25;

const BASICS = `
select jsonb_build_object(
  'databaseBytes', pg_database_size(d.oid),
  'encoding', pg_encoding_to_char(d.encoding),
  'collate', d.datcollate,
  'ctype', d.datctype,
  'extensions', (select coalesce(jsonb_object_agg(extname, extversion), '{}') from pg_extension),
  'largeObjects', (select count(*) from pg_largeobject_metadata)
) || jsonb_strip_nulls(jsonb_build_object(
  'extensionTables', (select jsonb_object_agg(extname, tables) from (
    select e.extname, jsonb_agg(format('%I.%I', n.nspname, c.relname) order by n.nspname, c.relname) as tables
    from pg_extension e join pg_depend m on m.refclassid = e.tableoid and m.refobjid = e.oid and m.deptype = 'e'
      join pg_class c on m.classid = c.tableoid and m.objid = c.oid join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') group by 1) member),
  'localeProvider', case to_jsonb(d) ->> 'datlocprovider' when 'c' then 'libc' when 'i' then 'icu' when 'b' then 'builtin' end,
  'locale', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
  'icuRules', to_jsonb(d) ->> 'daticurules'
)) from pg_database d where d.datname = current_database()`;

const basicsSchema = databaseFactsSchema.pick({
  databaseBytes: true,
  encoding: true,
  collate: true,
  ctype: true,
  localeProvider: true,
  locale: true,
  icuRules: true,
  extensions: true,
  extensionTables: true,
  largeObjects: true,
});

/** Decimal digits: the values are larger than a number can be, and the increment becomes part of SQL. */
const digits = z.string().regex(/^-?\d+$/);

/** Sequences that a dump sets. */
const LIST_SEQUENCES = `
select jsonb_build_array(format('%I.%I', n.nspname, c.relname), q.seqincrement::text)
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_sequence q on q.seqrelid = c.oid
where ${isUsersSchema('n.nspname')}
  and not (c.relpersistence = 'u' and pg_is_in_recovery())
  and ${isDumped('c')}`;

/**
 * Reads what a database says of itself in the session's transaction, which must have one snapshot.
 *
 * @param before sequences as they were before the dump; without it, as they are now
 * @param dumped settles when the dump of this source ends. Only then are the sequences read again.
 * @throws StatementError | PermanentError | RetryableError as the session does
 */
export async function readDatabaseFacts(
  session: PsqlSession,
  counting: Counting,
  before?: Sequences,
  dumped?: Promise<unknown>,
): Promise<DatabaseFacts> {
  const basics = await session.queryRow(BASICS, basicsSchema);
  const objects = await describeObjects(session);
  const counts = await countRows(session, counting, basics.databaseBytes, dumped);
  const after = await readSequences(session);
  return {
    ...basics,
    ...counts,
    sequences: Object.fromEntries(
      // A sequence that was made or dropped meanwhile may be in the dump or not, and cannot be compared.
      [...after].flatMap(([name, now]) => {
        const then = before === undefined ? now : before.get(name);
        return then === undefined || isSetBack(then, now) ? [] : [[name, [then.next, now.next] as const]];
      }),
    ) as DatabaseFacts['sequences'],
    ...objects,
  };
}

/** Reads the value that each sequence hands out next, by its SQL name. */
export async function readSequences(session: PsqlSession): Promise<Sequences> {
  const listed = await listSequences(session);
  const values = new Map<string, Sequence>();
  const increments = new Map(listed);
  for (let at = 0; at < listed.length; at += AT_ONCE) {
    const reads = listed.slice(at, at + AT_ONCE).map(([name, increment]) => {
      const next = `case when is_called then last_value::numeric + (${increment}) else last_value end`;
      return `select jsonb_build_array(${quoteLiteral(name)}, (${next})::text) from ${name}`;
    });
    for (const [name, next] of await session.query(reads.join('\nunion all '), z.tuple([z.string(), digits])))
      values.set(name, { next, increment: increments.get(name) ?? '1' });
  }
  return values;
}

/** Lists sequences by their SQL names, and what each adds to a value for the next. */
export async function listSequences(session: PsqlSession): Promise<readonly (readonly [string, string])[]> {
  const all = await session.query(LIST_SEQUENCES, z.tuple([z.string(), digits]));
  // A name that is no UTF-8 cannot be given back to the server.
  return all.filter(([name]) => !name.includes('\uFFFD'));
}

/** A sequence was restarted or has come round: the dump may hold any value of it. */
function isSetBack(then: Sequence, now: Sequence): boolean {
  const moved = BigInt(now.next) - BigInt(then.next);
  return now.increment.startsWith('-') ? moved > 0n : moved < 0n;
}

/** Digests each description as it arrives: those of thousands of tables would fill the memory. */
const digestedSchema = z
  .tuple([z.string(), z.record(z.string(), z.unknown())])
  .transform(([name, parts]) => [name, digestParts(parts)] as const);

async function describeObjects(
  session: PsqlSession,
): Promise<Pick<DatabaseFacts, 'objects' | 'descriptionVersion' | 'schemaSha256' | 'losses'>> {
  const digests = [...(await session.query(DESCRIBE_OBJECTS, digestedSchema))];
  digests.sort(([a], [b]) => (a < b ? -1 : 1));
  const losses = await session.query(LIST_LOSSES, z.string());
  return {
    objects: Object.fromEntries(digests),
    descriptionVersion: DESCRIPTION_VERSION,
    schemaSha256: sha256(JSON.stringify(digests)),
    ...(losses.length === 0 ? {} : { losses: [...losses] }),
  };
}

function digestParts(parts: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parts).map(([part, value]) => [part, sha256(JSON.stringify(value)).slice(0, 8)]),
  );
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
