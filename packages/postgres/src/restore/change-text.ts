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
const DEFAULT_TABLESPACE = "SET default_tablespace = '';";

/** SQL that keeps a search path in the transaction until the dump sets its own. It fails for what is no list of names. */
export function offerSearchPath(path: string): string {
  const value = quoteLiteral(path);
  return `SELECT pg_catalog.set_config('search_path', ${value}, true), pg_catalog.set_config('${OFFERED}', ${value}, true);`;
}

/** Written by pg_dump since the releases of February 2018. Source: https://www.postgresql.org/docs/release/10.3/ */
const EMPTY_PATH = "SELECT pg_catalog.set_config('search_path', '', false);\n";
const OFFERED_PATH = `SELECT pg_catalog.set_config('search_path', pg_catalog.current_setting('${OFFERED}'), false);\n`;

const TABLESPACE = /^SET default_tablespace = ("(?:[^"]|"")+"|[\w$\x80-\xff]+);\n$/;
/** The first line of such a setting, whose name holds line ends. */
const TABLESPACE_BEGINS = /^SET default_tablespace = "((?:[^"]|"")+)\n$/;
/** A backslash is doubled or not by a setting of the source. */
const SETVAL = /^SELECT pg_catalog\.setval\('((?:[^'\\]|'')+)', (-?\d+), (true|false)\);\n$/;
const ENCODING = /^SET client_encoding = '(\w+)';\n$/;

/** Changes lines of a dump that pg_dump itself wrote: settings, which it writes a line each. It takes down those that set sequences. */
export class TextChanger {
  /** Names that were replaced by the default tablespace. */
  readonly blankedTablespaces = new Set<string>();
  /** Arguments of `setval`, by the SQL names of the sequences. */
  readonly sequences = new Map<string, { readonly value: string; readonly isCalled: boolean }>();
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
    if (line.startsWith('SELECT pg_catalog.setval(')) this.#readSequence(line);
    if (!line.startsWith('SET ')) return undefined;
    const encoding = ENCODING.exec(line)?.[1];
    if (encoding !== undefined) this.#decode = nameDecoder(encoding);
    if (this.#changes.tablespaces === undefined) return undefined;
    return this.#blank(line, this.#changes.tablespaces);
  }

  #blank(line: string, usable: readonly string[]): string | undefined {
    const beginning = TABLESPACE_BEGINS.exec(line)?.[1];
    if (beginning !== undefined) {
      const [name, known] = this.#read(beginning.replaceAll('""', '"'));
      if (usable.some((each) => each.startsWith(`${known}\n`))) return undefined;
      this.blankedTablespaces.add(`${name}\n…`);
      // The lines that follow end this statement, which sets what nobody reads.
      return `${DEFAULT_TABLESPACE} SET pgstow.tablespace = "${beginning}\n`;
    }
    const written = TABLESPACE.exec(line)?.[1];
    if (written === undefined) return undefined;
    const [name, known] = this.#read(written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written);
    if (known !== undefined && usable.includes(known)) return undefined;
    this.blankedTablespaces.add(name);
    return `${DEFAULT_TABLESPACE}\n`;
  }

  #readSequence(line: string): void {
    const [, quoted = '', value = '', isCalled] = SETVAL.exec(line) ?? [];
    const [, name] = this.#read(quoted.replaceAll("''", "'"));
    if (name !== undefined && name !== '') this.sequences.set(name, { value, isCalled: isCalled === 'true' });
  }

  /** @returns the name for people, and as it is, if its bytes are text in the dump's encoding */
  #read(latin1: string): readonly [string, string | undefined] {
    const name = this.#decode(Buffer.from(latin1, 'latin1'));
    return [name ?? latin1, name];
  }
}
