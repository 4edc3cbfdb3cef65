/** What a text is a dump of. */
export type DumpKind = 'database' | 'globals';

/**
 * Says whether a text ends with pg_dump's last words, and nothing after them. Since the releases of August 2025 (17.6, 16.10, 15.14,
 * ...) a dump begins with `\restrict` and a random key, and ends with `\unrestrict` and the same.
 *
 * @param tail the end of the text, as latin1
 * @param restrictKey key at its beginning; `undefined` without one
 * Source: https://www.postgresql.org/docs/15/release-15-14.html
 */
export function endsAsPgDumpDoes(tail: string, restrictKey: string | undefined): boolean {
  const end = /(?:^|\n)--\n-- PostgreSQL database dump complete\n--\n\s*(\S.*)?\s*$/.exec(tail);
  const wanted = restrictKey === undefined ? undefined : String.raw`\unrestrict ${restrictKey}`;
  return end !== null && end[1]?.trimEnd() === wanted;
}

/** The same for pg_dumpall's last words, which lifts its restriction before them. */
export function endsAsPgDumpallDoes(tail: string): boolean {
  return /(?:^|\n)--\n-- PostgreSQL database cluster dump complete\n--\n\s*$/.test(tail);
}
