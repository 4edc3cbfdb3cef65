import { databaseNameSchema } from '../../contract/target.ts';

/** The items of a list: names, which stand for themselves, and patterns, in which `*` is any text and `?` any character. */
export type DatabaseList = { readonly names: readonly string[]; readonly patterns: readonly string[] };

/** Characters that make a pattern of an item without quotes. In POSTGRES_DB, a `?` alone belongs to a name. */
const PATTERNS = { 'with *': /\*/, 'with * or ?': /[*?]/ } as const;

/**
 * Splits a list of databases at its commas. A name is trimmed, unless it stands in double quotes as in SQL (`"a,b"`, a quote inside
 * doubled): only so can it hold a comma or a `*`, or begin with a quote or a space.
 */
export function parseDatabaseList(
  list: string,
  report: (fault: string) => void,
  kind: keyof typeof PATTERNS = 'with *',
): DatabaseList {
  const names: string[] = [];
  const patterns: string[] = [];
  const item = /\s*(?:"((?:[^"]|"")*)"|([^",][^,]*)|)\s*(?:,|$)/y;
  while (item.lastIndex < list.length) {
    const at = item.lastIndex;
    const match = item.exec(list);
    if (match === null) {
      report(
        `cannot read the list from ${JSON.stringify(list.slice(at))} on; a name in double quotes ends with its quote`,
      );
      return { names, patterns };
    }
    const name = match[1]?.replaceAll('""', '"') ?? match[2]?.trim() ?? '';
    if (match[1] === undefined && PATTERNS[kind].test(name)) patterns.push(name);
    // A comma at the end, or two in a row, name nothing.
    else if (name !== '' || match[1] !== undefined) names.push(name);
  }
  for (const name of names) {
    const fault = databaseNameSchema.safeParse(name).error?.issues[0]?.message;
    if (fault !== undefined) report(`${JSON.stringify(name)}: ${fault}`);
  }
  const twice = [names, patterns].flatMap((each) => each.find((name, index) => each.indexOf(name) !== index) ?? [])[0];
  if (twice !== undefined) report(`${JSON.stringify(twice)} is named twice`);
  if (names.length + patterns.length === 0 && list !== '') report('names no database');
  return { names, patterns };
}

/** Whether a list has a database's name, or a pattern that it matches. */
export function isListed(name: string, { names, patterns }: DatabaseList): boolean {
  return names.includes(name) || patterns.some((pattern) => expressionOf(pattern).test(name));
}

function expressionOf(pattern: string): RegExp {
  const source = pattern
    .replaceAll(/[$()+.[\\\]^{|}]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 'su');
}
