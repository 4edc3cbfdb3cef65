import { targetNameSchema } from '../../contract/target.ts';

/**
 * Splits a list of database names at its commas. A name is trimmed, unless it stands in double quotes as in SQL
 * (`"a,b"`, a quote inside doubled): only so can it hold a comma or begin with a quote or a space.
 */
export function parseDatabaseList(list: string, report: (fault: string) => void): readonly string[] {
  const names: string[] = [];
  const item = /\s*(?:"((?:[^"]|"")*)"|([^",][^,]*)|)\s*(?:,|$)/y;
  while (item.lastIndex < list.length) {
    const at = item.lastIndex;
    const match = item.exec(list);
    if (match === null) {
      report(
        `cannot read the list from ${JSON.stringify(list.slice(at))} on; a name in double quotes ends with its quote`,
      );
      return names;
    }
    const name = match[1]?.replaceAll('""', '"') ?? match[2]?.trim() ?? '';
    // A comma at the end, or two in a row, name nothing.
    if (name !== '' || match[1] !== undefined) names.push(name);
  }
  for (const name of names) {
    const fault = targetNameSchema.safeParse(name).error?.issues[0]?.message;
    if (fault !== undefined) report(`${JSON.stringify(name)}: ${fault}`);
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) report(`${JSON.stringify(twice)} is named twice`);
  if (names.length === 0 && list !== '') report('names no database');
  return names;
}
