/** Values of `search_path` by database; under the empty name, that of every database. */
export type SearchPaths = ReadonlyMap<string, string>;

/** `DATABASE=SCHEMAS`; a list of schemas for every database has no such beginning. */
const OF_DATABASE = /^\s*([^=,;"]+?)\s*=\s*(.+?)\s*$/;

/** Reads schemas by database: `immich=public; shop=app, public`, or `public` for all. */
export function readSearchPaths(text: string | undefined): SearchPaths {
  if (text === undefined) return new Map();
  const entries = text.split(';').map((entry) => OF_DATABASE.exec(entry));
  if (!entries.every((entry) => entry !== null)) return new Map([['', text]]);
  return new Map(entries.map(([, database = '', schemas = '']) => [database, schemas]));
}

export function searchPathOf(paths: SearchPaths, database: string): string | undefined {
  return paths.get(database) ?? paths.get('');
}
