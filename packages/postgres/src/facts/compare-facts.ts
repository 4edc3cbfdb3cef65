import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import type { Finding } from '@pgstow/shared/contract/finding.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { makeFinding } from './make-finding.ts';
import { plainName } from './plain-name.ts';

/** Rows of tables that are not among the facts, as far as they were counted, by their names in the dump. */
export type RowsElsewhere = ReadonlyMap<string, number | 'missing'>;

/** What else is known of a restore. */
export type AboutRestore = {
  readonly elsewhere?: RowsElsewhere;
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

/**
 * Compares a restored database with what its dump's manifest says of dump and source.
 *
 * @param restored counted exactly
 * @returns what differs, and what could not be compared or may well differ, a sentence each
 */
export function compareFacts(
  manifest: Pick<Manifest, 'tables' | 'source' | 'serverVersion'>,
  restored: DatabaseFacts,
  about: AboutRestore = {},
): {
  readonly findings: readonly Finding[];
  readonly differences: readonly string[];
  readonly notes: readonly string[];
} {
  const findings: Finding[] = [];
  const notes: string[] = [];
  const { version = manifest.serverVersion } = about;
  if (manifest.tables === undefined)
    notes.push('the rows in the dump were not counted: it holds INSERTs, or names that were not read');
  else compareDumpedRows(manifest.tables, restored, about, findings, notes);
  if (manifest.source === undefined) notes.push('the manifest does not say what the source held');
  else {
    const isSameMajor = Number.parseInt(version ?? '', 10) === Number.parseInt(manifest.serverVersion ?? '', 10);
    // Another major version may describe the same object in other words.
    if (version === undefined || isSameMajor) compareObjects(manifest.source, restored, findings, notes);
    else
      notes.push(
        `objects are not compared: this is PostgreSQL ${version}, and the source was ${manifest.serverVersion}`,
      );
    compareSource(manifest.source, restored, about, findings, notes);
  }
  return { findings, differences: findings.map(({ difference }) => difference), notes };
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
function compareDumpedRows(
  dumped: Readonly<Record<string, number>>,
  restored: DatabaseFacts,
  { elsewhere, mayHaveWritten = false }: AboutRestore,
  findings: Finding[],
  notes: string[],
): void {
  const arrived = new Map(Object.entries(restored.tables).map(([name, rows]) => [plainName(name), rows]));
  const uncompared: string[] = [];
  for (const [name, rows] of Object.entries(dumped)) {
    const found = arrived.get(plainName(name)) ?? elsewhere?.get(name);
    if (found === undefined) uncompared.push(name);
    else if (found === 'missing')
      findings.push(makeFinding(`table ${name} is missing`, 'dumped rows', plainName(name), rows, 'missing'));
    else if (found > rows && mayHaveWritten)
      notes.push(
        `table ${name} has ${rowsOf(found)}; the dump holds ${rows}: a function that a restore runs may have added to it`,
      );
    else if (found !== rows)
      findings.push(
        makeFinding(
          `table ${name} has ${rowsOf(found)}; the dump holds ${rows}`,
          'dumped rows',
          plainName(name),
          rows,
          found,
        ),
      );
  }
  if (uncompared.length > 0) notes.push(`not compared row by row: ${listed(uncompared)}`);
}

function compareSource(
  source: DatabaseFacts,
  restored: DatabaseFacts,
  about: AboutRestore,
  findings: Finding[],
  notes: string[],
): void {
  const { limitedBy } = source;
  if (limitedBy !== undefined)
    notes.push(`the dump leaves things out (${limitedBy}): what is missing is no difference`);
  if (source.countedBecause !== undefined) notes.push(`rows of the source: ${source.countedBecause}`);
  const isMissingFine = limitedBy !== undefined;

  notes.push(...(source.losses ?? []));
  compareRows(source, restored, about, findings);
  if (source.counted === 'estimate') compareEstimates(source, restored, notes);
  if (!isMissingFine) compareSequences(source, restored, about, findings, notes);
  if (source.largeObjects !== restored.largeObjects && !isMissingFine)
    findings.push(
      makeFinding(
        `it has ${restored.largeObjects} large objects; the source had ${source.largeObjects}`,
        'large objects',
        source.largeObjects,
        restored.largeObjects,
      ),
    );

  for (const [name, version] of Object.entries(source.extensions)) {
    const found = restored.extensions[name];
    if (found === undefined && !isMissingFine)
      findings.push(makeFinding(`extension ${name} is missing`, 'extension', name));
    else if (found !== undefined && found !== version)
      notes.push(`extension ${name} is ${found} here and was ${version} at the source`);
    else if (found !== undefined) notes.push(...tablesNotMade(name, source, restored));
  }
  for (const part of ['encoding', 'collate', 'ctype', 'localeProvider', 'locale', 'icuRules'] as const) {
    if (source[part] !== undefined && source[part] !== restored[part])
      notes.push(`${part} is ${restored[part]} here and was ${source[part]} at the source`);
  }
}

/** Tables that somebody added to an extension: a dump holds neither them nor their rows, and the extension does not make them. */
function tablesNotMade(extension: string, source: DatabaseFacts, restored: DatabaseFacts): readonly string[] {
  const made = new Set(restored.extensionTables?.[extension]);
  return (source.extensionTables?.[extension] ?? [])
    .filter((table) => !made.has(table))
    .map((table) => `table ${table} is missing: it belongs to extension ${extension}, which does not make it`);
}

function compareObjects(source: DatabaseFacts, restored: DatabaseFacts, findings: Finding[], notes: string[]): void {
  if (source.schemaSha256 === restored.schemaSha256) return;
  const isMissingFine = source.limitedBy !== undefined;
  const isSameDescription = source.descriptionVersion === restored.descriptionVersion;
  if (!isSameDescription)
    notes.push('objects are compared by their names alone: the dump is of another version of pgstow');
  for (const [name, parts] of Object.entries(source.objects)) {
    const found = restored.objects[name];
    // A table that lost its triggers, say, differs.
    if (isMissingFine) continue;
    // Version 0.1 lists operators that have no function, which no dump holds.
    const isExpected = isSameDescription || !name.startsWith('operator ');
    if (found === undefined) {
      if (isExpected) findings.push(makeFinding(`${name} is missing`, 'missing', name, digestOf(parts)));
    } else if (isSameDescription)
      for (const [part, was, is] of differingParts(parts, found))
        findings.push(
          makeFinding(`${name}: ${part} ${part.endsWith('s') ? 'differ' : 'differs'}`, 'part', name, part, was, is),
        );
  }
  // Another version may list more kinds of objects.
  for (const [name, parts] of isSameDescription ? Object.entries(restored.objects) : []) {
    if (source.objects[name] === undefined && !ALWAYS_THERE.has(name))
      findings.push(makeFinding(`${name} was not at the source`, 'new', name, digestOf(parts)));
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

function compareRows(
  source: DatabaseFacts,
  restored: DatabaseFacts,
  { mayHaveWritten = false }: AboutRestore,
  findings: Finding[],
): void {
  if (source.counted !== 'exact' || source.limitedBy !== undefined) return;
  for (const [name, rows] of Object.entries(source.tables)) {
    const found = restored.tables[name];
    // A missing table is a difference of the objects. A table that has grown differs from the dump as well.
    if (found === undefined || found === rows || (found > rows && mayHaveWritten)) continue;
    findings.push(makeFinding(`table ${name} has ${rowsOf(found)}; the source had ${rows}`, 'rows', name, rows, found));
  }
}

function compareEstimates(source: DatabaseFacts, restored: DatabaseFacts, notes: string[]): void {
  for (const [name, rows] of Object.entries(source.tables)) {
    if (rows >= ESTIMATED_ROWS_THAT_MATTER && restored.tables[name] === 0)
      notes.push(`table ${name} is empty; the source's was estimated to have ${rowsOf(rows)}`);
  }
}

/** Functions of views, indexes and the like may draw from a sequence while they are restored, after the dump has set it. */
function compareSequences(
  source: DatabaseFacts,
  restored: DatabaseFacts,
  { valuesInDump }: AboutRestore,
  findings: Finding[],
  notes: string[],
): void {
  for (const [name, [from, to]] of Object.entries(source.sequences)) {
    const next = restored.sequences[name]?.[0];
    if (next === undefined || isBetween(next, from, to)) continue;
    const inDump = valuesInDump?.get(plainName(name));
    if (inDump !== undefined && isBetween(inDump, from, to))
      notes.push(`sequence ${name} goes on with ${next}; the dump sets it to ${inDump}: a restore draws from it`);
    else
      findings.push(
        makeFinding(
          `sequence ${name} goes on with ${next}; the source's did with ${from === to ? from : `${from} to ${to}`}`,
          'sequence',
          name,
          from,
          to,
          next,
        ),
      );
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
