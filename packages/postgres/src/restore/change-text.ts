import { quoteLiteral } from '../client/sql-quote.ts';
import { nameDecoder } from '../proof/name-decoder.ts';

/** Changes that a restore makes in a dump's text. */
export type TextChanges = {
  /** See `RestoreDumpOptions`. */
  readonly tablespaces?: readonly string[] | undefined;
  /** Whether the session was offered a search path. */
  readonly hasSearchPath?: boolean;
  /** Whether the rows stay out of what is written. */
  readonly leavesOutRows?: boolean;
};

const OFFERED = 'pgstow.search_path';

/** SQL that keeps a search path in the transaction until the dump sets its own. It fails for what is no list of names. */
export function offerSearchPath(path: string): string {
  const value = quoteLiteral(path);
  return `SELECT pg_catalog.set_config('search_path', ${value}, true), pg_catalog.set_config('${OFFERED}', ${value}, true);`;
}

/** Written by pg_dump since the releases of February 2018. Source: https://www.postgresql.org/docs/release/10.3/ */
const EMPTY_PATH = "SELECT pg_catalog.set_config('search_path', '', false);\n";
const OFFERED_PATH = `SELECT pg_catalog.set_config('search_path', pg_catalog.current_setting('${OFFERED}'), false);\n`;

const TABLESPACE = /^SET default_tablespace = ("(?:[^"]|"")+"|[\w$\x80-\xff]+);\n$/;
const ENCODING = /^SET client_encoding = '(\w+)';\n$/;

/** Changes lines of a dump that pg_dump itself wrote: settings, which it writes a line each. */
export class TextChanger {
  /** Names that were replaced by the default tablespace. */
  readonly blankedTablespaces = new Set<string>();
  readonly #changes: TextChanges;
  #decode = nameDecoder('UTF8');

  constructor(changes: TextChanges) {
    this.#changes = changes;
  }

  /**
   * @param line as latin1, outside of rows and quotes
   * @returns the line to send in its place, if it is another
   */
  change(line: string): string | undefined {
    if (line === EMPTY_PATH) return this.#changes.hasSearchPath === true ? OFFERED_PATH : undefined;
    if (!line.startsWith('SET ')) return undefined;
    const encoding = ENCODING.exec(line)?.[1];
    if (encoding !== undefined) this.#decode = nameDecoder(encoding);
    const written = TABLESPACE.exec(line)?.[1];
    if (written === undefined || this.#changes.tablespaces === undefined) return undefined;
    const bytes = written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written;
    const name = this.#decode(Buffer.from(bytes, 'latin1'));
    if (name !== undefined && this.#changes.tablespaces.includes(name)) return undefined;
    this.blankedTablespaces.add(name ?? bytes);
    return "SET default_tablespace = '';\n";
  }
}
