import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import type { Finding } from '@pgstow/shared/contract/finding.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { makeFinding } from './make-finding.ts';
import { plainName } from './plain-name.ts';

/** Facts of a restore, as far as they are known. */
type RestoreFacts = {
  /** Tables of the dump that are not there. */
  readonly missing?: ReadonlySet<string>;
  /** Version of the server that it was restored into; the source's, if it is not known. */
  readonly version?: string | undefined;
  /** The value that each sequence hands out next as the dump's text sets it, by its plain name. */
  readonly valuesInDump?: ReadonlyMap<string, string>;
  /** Whether code of the dump may have written while it was restored. */
  readonly mayHaveWritten?: boolean;
};

type ObjectParts = DatabaseFacts['objects'][string];

/** Objects of every new database: they may be there even if the source has dropped them. */
const ALWAYS_THERE = new Set(['schema public', 'plpgsql']);
/** Rows from which on an estimate of the planner says that a table is not empty. */
const ESTIMATED_ROWS_THAT_MATTER = 1000;

/** A difference, or a note: what could not be compared or may well differ, in a sentence. */
type Observed = Finding | string;
type Compared = Pick<Manifest, 'tables' | 'source' | 'serverVersion'>;

/**
 * Compares a restored database with what its dump's manifest says of dump and source.
 *
 * @param restored counted exactly
 */
export function compareFacts(
  manifest: Compared,
  restored: DatabaseFacts,
  circumstances: RestoreFacts = {},
): { readonly findings: readonly Finding[]; readonly notes: readonly string[] } {
  const observed = [...compare(manifest, restored, circumstances)];
  return {
    findings: observed.filter((each) => typeof each !== 'string'),
    notes: observed.filter((each) => typeof each === 'string'),
  };
}

function* compare(
  { tables, source, serverVersion }: Compared,
  restored: DatabaseFacts,
  circumstances: RestoreFacts,
): Generator<Observed> {
  if (tables === undefined)
    yield 'the rows in the dump were not counted: it holds INSERTs, or names that were not read';
  else yield* compareDumpedRows(tables, restored, circumstances);
  if (source === undefined) {
    yield 'the manifest does not say what the source held';
    return;
  }
  const { version = serverVersion } = circumstances;
  const isSameMajor = Number.parseInt(version ?? '', 10) === Number.parseInt(serverVersion ?? '', 10);
  // Another major version may describe the same object in other words.
  if (version === undefined || isSameMajor) yield* compareObjects(source, restored, circumstances);
  else yield `objects are not compared: this is PostgreSQL ${version}, and the source was ${serverVersion}`;
  yield* compareSource(source, restored, circumstances);
}

/** Tables of the dump that are not among the restored facts, such as partitioned tables. */
export function tablesWithoutRows(
  dumped: Readonly<Record<string, number>>,
  restored: Pick<DatabaseFacts, 'tables'>,
): readonly string[] {
  const arrived = new Set(Object.keys(restored.tables).map(plainName));
  return Object.keys(dumped).filter((name) => !arrived.has(plainName(name)));
}

/** Compares the rows of each table with those that the dump holds. */
function* compareDumpedRows(
  dumped: Readonly<Record<string, number>>,
  restored: DatabaseFacts,
  { missing, mayHaveWritten = false }: RestoreFacts,
): Generator<Observed> {
  const arrived = new Map(Object.entries(restored.tables).map(([name, rows]) => [plainName(name), rows]));
  const uncompared: string[] = [];
  for (const [name, rows] of Object.entries(dumped)) {
    const plain = plainName(name);
    const found = arrived.get(plain);
    if (missing?.has(name) === true)
      yield makeFinding(`table ${name} is missing`, 'dumped rows', plain, rows, 'missing');
    else if (found === undefined) uncompared.push(name);
    else if (found !== rows) {
      const difference = `table ${name} has ${rowsOf(found)}; the dump holds ${rows}`;
      yield found > rows && mayHaveWritten
        ? `${difference}: a function that a restore runs may have added to it`
        : makeFinding(difference, 'dumped rows', plain, rows, found);
    }
  }
  if (uncompared.length > 0) yield `not compared row by row: ${listed(uncompared)}`;
}

function* compareSource(
  source: DatabaseFacts,
  restored: DatabaseFacts,
  circumstances: RestoreFacts,
): Generator<Observed> {
  const { limitedBy } = source;
  const isWhole = limitedBy === undefined;
  if (!isWhole) yield `the dump leaves things out (${limitedBy}): what is missing is no difference`;
  if (source.countedBecause !== undefined) yield `rows of the source: ${source.countedBecause}`;
  yield* source.losses ?? [];
  yield* compareRows(source, restored, circumstances);
  if (isWhole) yield* compareSequences(source, restored, circumstances);
  const [had, has] = [source.largeObjects, restored.largeObjects];
  if (isWhole && had !== has)
    yield makeFinding(`it has ${has} large objects; the source had ${had}`, 'large objects', had, has);

  for (const [name, version] of Object.entries(source.extensions)) {
    const found = restored.extensions[name];
    if (found === version) yield* tablesNotMade(name, source, restored);
    else if (found !== undefined) yield `extension ${name} is ${found} here and was ${version} at the source`;
    else if (isWhole) yield makeFinding(`extension ${name} is missing`, 'extension', name);
  }
  for (const part of ['encoding', 'collate', 'ctype', 'localeProvider', 'locale', 'icuRules'] as const) {
    if (source[part] !== undefined && source[part] !== restored[part])
      yield `${part} is ${restored[part]} here and was ${source[part]} at the source`;
  }
}

/** Tables that somebody added to an extension: a dump holds neither them nor their rows, and the extension does not make them. */
function tablesNotMade(extension: string, source: DatabaseFacts, restored: DatabaseFacts): readonly string[] {
  const made = new Set(restored.extensionTables?.[extension]);
  return (source.extensionTables?.[extension] ?? [])
    .filter((table) => !made.has(table))
    .map((table) => `table ${table} is missing: it belongs to extension ${extension}, which does not make it`);
}

function* compareObjects(
  source: DatabaseFacts,
  restored: DatabaseFacts,
  { mayHaveWritten = false }: RestoreFacts,
): Generator<Observed> {
  if (source.schemaSha256 === restored.schemaSha256) return;
  const isSameDescription = source.descriptionVersion === restored.descriptionVersion;
  if (!isSameDescription) yield 'objects are compared by their names alone: the dump is of another version of pgstow';
  // A dump that leaves things out may leave out parts of an object, such as the triggers of a table.
  for (const [name, parts] of source.limitedBy === undefined ? Object.entries(source.objects) : []) {
    const found = restored.objects[name];
    // Version 0.1 lists operators that have no function, which no dump holds.
    const isExpected = isSameDescription || !name.startsWith('operator ');
    if (found === undefined) {
      if (isExpected) yield makeFinding(`${name} is missing`, 'missing', name, digestOf(parts));
    } else if (isSameDescription)
      for (const [part, was, is] of differingParts(parts, found))
        yield makeFinding(`${name}: ${part} ${part.endsWith('s') ? 'differ' : 'differs'}`, 'part', name, part, was, is);
  }
  const mayHaveMade = mayHaveWritten && Object.keys(restored.objects).some((name) => name.startsWith('event trigger '));
  // Another version may list more kinds of objects.
  for (const [name, parts] of isSameDescription ? Object.entries(restored.objects) : []) {
    if (source.objects[name] === undefined && !ALWAYS_THERE.has(name))
      yield mayHaveMade
        ? `${name} was not at the source: an event trigger may have made it`
        : makeFinding(`${name} was not at the source`, 'new', name, digestOf(parts));
  }
}

/** All that is known of an object. */
function digestOf(parts: ObjectParts): string {
  return typeof parts === 'string' ? parts : JSON.stringify(Object.entries(parts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Parts that are not the same on both sides, with their digests; empty where a side lacks the part. */
function differingParts(source: ObjectParts, restored: ObjectParts): (readonly [string, string, string])[] {
  if (typeof source === 'string' || typeof restored === 'string') return [];
  return [...new Set([...Object.keys(source), ...Object.keys(restored)])]
    .map((part) => [part, source[part] ?? '', restored[part] ?? ''] as const)
    .filter(([, was, is]) => was !== is);
}

function* compareRows(
  source: DatabaseFacts,
  restored: DatabaseFacts,
  { mayHaveWritten = false }: RestoreFacts,
): Generator<Observed> {
  const isExact = source.counted === 'exact' && source.limitedBy === undefined;
  for (const [name, rows] of Object.entries(source.tables)) {
    const found = restored.tables[name];
    if (source.counted === 'estimate' && rows >= ESTIMATED_ROWS_THAT_MATTER && found === 0)
      yield `table ${name} is empty; the source's was estimated to have ${rowsOf(rows)}`;
    // A missing table is a difference of the objects. A table that has grown differs from the dump as well.
    if (!isExact || found === undefined || found === rows || (found > rows && mayHaveWritten)) continue;
    yield makeFinding(`table ${name} has ${rowsOf(found)}; the source had ${rows}`, 'rows', name, rows, found);
  }
}

/** Functions of views, indexes and the like may draw from a sequence while they are restored, after the dump has set it. */
function* compareSequences(
  source: DatabaseFacts,
  restored: DatabaseFacts,
  { valuesInDump }: RestoreFacts,
): Generator<Observed> {
  for (const [name, [from, to]] of Object.entries(source.sequences)) {
    const next = restored.sequences[name]?.[0];
    if (next === undefined || isBetween(next, from, to)) continue;
    const here = `sequence ${name} goes on with ${next}`;
    const inDump = valuesInDump?.get(plainName(name));
    const was = from === to ? from : `${from} to ${to}`;
    yield inDump !== undefined && isBetween(inDump, from, to)
      ? `${here}; the dump sets it to ${inDump}: a restore draws from it`
      : makeFinding(`${here}; the source's did with ${was}`, 'sequence', name, from, to, next);
  }
}

function isBetween(value: string, a: string, b: string): boolean {
  const [x, low, high] = [BigInt(value), BigInt(a), BigInt(b)];
  return low <= high ? x >= low && x <= high : x >= high && x <= low;
}

function rowsOf(count: number): string {
  return `${count} ${count === 1 ? 'row' : 'rows'}`;
}

function listed(names: readonly string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
}
