/**
 * Messages of a server that cannot read its own files, or reads in them what it never wrote: of a page, a value out of line, a
 * transaction, a catalog.
 */
export const DAMAGED =
  /invalid page in block|could not open file ".*": (?:No such file|Permission denied|Input\/output error)|could not read (?:blocks?|file) |(?:missing|unexpected) chunk (?:number|size) |compressed \w+ data is corrupt|could not access status of transaction|MultiXactId \S+ (?:does no longer exist|has not been created yet)|relation mapping file ".*" contains|is not a valid data directory|invalid memory alloc request size \d{11}|catalog is missing \d+ attribute|schema with OID \d+ does not exist/s;

/** @param said words of pg_dump, which name the table */
export function hintOfDamage(said = ''): string {
  const [, table] = /^pg_dump: detail: Command was: COPY (.+?) \(/m.exec(said) ?? [];
  const rest =
    table === undefined
      ? ''
      : ` For a dump of all the rest until then: POSTGRES_EXTRA_OPTS=${shellWord(`--exclude-table-data=${table}`)}.`;
  return `The server cannot read its own data: files of the source are damaged. Keep the dumps that you have, stop the server and copy its data folder before you change anything; then look for faults of the disk and in the server's log, and restore the newest GOOD dump into a new server (pgstow restore).${rest}`;
}

/** A word of POSTGRES_EXTRA_OPTS. */
export function shellWord(text: string): string {
  return /["' ]/.test(text) ? `'${text}'` : text;
}
