/** A SQL name without quotes, because pg_dump sets more of them than the facts do. Its parts stand apart by a zero byte. */
export function plainName(name: string): string {
  return [...name.matchAll(/"((?:[^"]|"")*)"|([^".]+)/g)]
    .map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare)
    .join('\0');
}
