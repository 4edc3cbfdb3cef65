import { nameDecoder } from './name-decoder.ts';
import { SqlQuoting } from './sql-quoting.ts';

/** What the text of a plain dump says of itself once it was read to its end. */
export type DumpText = {
  /** Whether it ends as pg_dump ends a dump. */
  readonly isComplete: boolean;
  readonly bytes: number;
  /**
   * Rows per table, by the table's SQL name as the dump writes it; `undefined` if rows stand there as INSERTs, if a name does
   * not decode, or if a complete dump was misread.
   */
  readonly tables: Readonly<Record<string, number>> | undefined;
};

const NEWLINE = 10;
/** What stands between the last row of a COPY, or its own line, and what follows. */
const END_OF_ROWS = Buffer.from('\n\\.\n');
const TAIL_BYTES = 4096;
/** A COPY of 1600 columns with the longest names fits; longer lines are part of a function, a comment or a large object. */
const LONGEST_LINE = 256 * 1024;

/**
 * Reads a plain dump as it streams by: counts the rows of each COPY and remembers how the text begins and ends. Only what
 * follows pg_dump's own heading of a table's data counts as a COPY, and only outside of quotes, because a function's body, a
 * comment or a view may hold the same words.
 *
 * Nearly all of a dump is rows, so they are never copied: this runs on every byte of every backup.
 */
export class DumpTextReader {
  #bytes = 0;
  #tail: Buffer = Buffer.alloc(0);
  /** By the tables' names as latin1, which is to say undecoded. */
  readonly #tables = new Map<string, number>();
  #encoding = 'UTF8';
  #hasInserts = false;

  /** The table whose rows are going by, and how many have. */
  #table: string | undefined;
  #rows = 0;
  /** Among rows: the last bytes of the chunk before, which may be the beginning of the end of rows. */
  #border: Buffer = Buffer.alloc(0);

  /** Outside of rows: the beginning of a line whose rest is in the next chunk, as latin1. */
  #line = '';
  /** The beginning of this line was too long to wait for its end. */
  #isInLongLine = false;
  readonly #quoting = new SqlQuoting();
  /** Between the heading of a table's data and its rows. */
  #isUnderHeading = false;
  /** The beginning of a COPY whose names hold line ends. */
  #statement = '';
  /** Before the first setting; further on, a function may hold anything. */
  #isPreamble = true;
  /** With what the dump's own `\restrict` locks psql. */
  #restrictKey: string | undefined;

  push(chunk: Buffer): void {
    this.#bytes += chunk.length;
    this.#tail =
      chunk.length >= TAIL_BYTES
        ? Buffer.from(chunk.subarray(-TAIL_BYTES))
        : Buffer.concat([this.#tail, chunk]).subarray(-TAIL_BYTES);
    // A dump has rows either way, never both: behind INSERTs nothing is left to count, and there may be much to read.
    for (let at = 0; at < chunk.length && !this.#hasInserts;) {
      at = this.#table === undefined ? this.#readLines(chunk, at) : this.#readRows(chunk, at);
    }
  }

  end(): DumpText {
    // Rows may hold pg_dump's last words, but not its random key: where that ends a dump that seems to be amid rows, the dump
    // is whole and was misread. So is one that seems to end amid a text; its words are no proof of the contrary.
    const isComplete =
      endsAsPgDumpDoes(this.#tail.toString('latin1'), this.#restrictKey) &&
      (this.#table === undefined || this.#restrictKey !== undefined);
    const isMisread = isComplete && (this.#table !== undefined || !this.#quoting.isOutside);
    const areCounted = !this.#hasInserts && !isMisread;
    return { isComplete, bytes: this.#bytes, tables: areCounted ? this.#namedTables() : undefined };
  }

  #namedTables(): DumpText['tables'] {
    const decode = nameDecoder(this.#encoding);
    const named = new Map<string, number>();
    for (const [latin1, rows] of this.#tables) {
      const name = decode(Buffer.from(latin1, 'latin1'));
      // Some encodings have a character twice.
      if (name === undefined || named.has(name)) return undefined;
      named.set(name, rows);
    }
    return Object.fromEntries(named);
  }

  /** Reads lines up to the one that begins a table's rows. Returns where it stopped. */
  #readLines(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length && !this.#hasInserts;) {
      const newline = chunk.indexOf(NEWLINE, at);
      const end = newline === -1 ? chunk.length : newline + 1;
      this.#line += chunk.toString('latin1', at, end);
      at = end;
      if (newline === -1 && this.#line.length <= LONGEST_LINE) return at;

      const line = this.#line;
      const isRestOfLine = this.#isInLongLine;
      this.#line = '';
      this.#isInLongLine = newline === -1;
      if (isRestOfLine || line.length > LONGEST_LINE) this.#passLongLine(line, isRestOfLine);
      else if (this.#beginsRows(line)) return at;
    }
    return chunk.length;
  }

  /** Takes a part of a line that is too long for a heading or a COPY. */
  #passLongLine(part: string, isRestOfLine: boolean): void {
    this.#statement = '';
    if (!isRestOfLine && this.#isUnderHeading && this.#quoting.isOutside) this.#hasInserts = isInsert(part);
    if (!this.#hasInserts) this.#quoting.push(part);
  }

  #beginsRows(line: string): boolean {
    const isOutside = this.#quoting.isOutside;
    if (isOutside) this.#readHeading(line);
    if (this.#hasInserts) return false;
    this.#quoting.push(line);
    const isCopy = isOutside && this.#isUnderHeading && line.startsWith('COPY ');
    return (isCopy || this.#statement !== '') && this.#endsStatement(this.#statement + line);
  }

  /** Reads what pg_dump says of the dump, and of its parts, in lines of their own. */
  #readHeading(line: string): void {
    if (this.#isPreamble) this.#restrictKey ??= /^\\restrict (\w+)\n$/.exec(line)?.[1];
    if (line.startsWith('SET ')) {
      this.#isPreamble = false;
      this.#encoding = /^SET client_encoding = '(\w+)';\n$/.exec(line)?.[1] ?? this.#encoding;
      if (line === 'SET standard_conforming_strings = off;\n') this.#quoting.hasBackslashEscapes = true;
    } else if (line.startsWith('-- Data for Name: ')) this.#isUnderHeading = true;
    else if (line.startsWith('-- Name: ')) this.#isUnderHeading = false;
    else if (this.#isUnderHeading) this.#hasInserts = isInsert(line);
  }

  /** Whether the text is all of a COPY: a name in double quotes may hold line ends, and even the words that end a COPY. */
  #endsStatement(text: string): boolean {
    const isInQuotes = !this.#quoting.isOutside;
    if (isInQuotes && text.length <= LONGEST_LINE) {
      this.#statement = text;
      return false;
    }
    this.#statement = '';
    this.#isUnderHeading = false;
    const table = /^COPY ((?:"(?:[^"]|"")*"|[^\s".]+)(?:\.(?:"(?:[^"]|"")*"|[^\s".]+))*) /.exec(text)?.[1];
    if (isInQuotes || table === undefined || !text.endsWith(' FROM stdin;\n')) return false;
    this.#table = table;
    this.#rows = 0;
    // An empty table's end of rows begins with the end of this line.
    this.#border = END_OF_ROWS.subarray(0, 1);
    return true;
  }

  /** Counts rows up to their end. Returns where it stopped. */
  #readRows(chunk: Buffer, from: number): number {
    const acrossChunks = Buffer.concat([this.#border, chunk.subarray(from, from + END_OF_ROWS.length - 1)]).indexOf(
      END_OF_ROWS,
    );
    if (acrossChunks !== -1) {
      // The row's own newline was counted with the chunk that it is in.
      const end = from + acrossChunks + END_OF_ROWS.length - this.#border.length;
      this.#endRows();
      return end;
    }
    const end = chunk.indexOf(END_OF_ROWS, from);
    this.#rows += countNewlines(chunk, from, end === -1 ? chunk.length : end + 1);
    if (end !== -1) {
      this.#endRows();
      return end + END_OF_ROWS.length;
    }
    this.#border = Buffer.concat([this.#border, chunk.subarray(Math.max(from, chunk.length - 3))]).subarray(-3);
    return chunk.length;
  }

  #endRows(): void {
    const table = this.#table ?? '';
    this.#tables.set(table, (this.#tables.get(table) ?? 0) + this.#rows);
    this.#table = undefined;
  }
}

const isInsert = (line: string): boolean => line.startsWith('INSERT INTO ');

function countNewlines(text: Buffer, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf(NEWLINE, from); at !== -1 && at < to; at = text.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}

/**
 * pg_dump's last words, and nothing after them. Since the releases of August 2025 (17.6, 16.10, 15.14, ...) a dump begins
 * with `\restrict` and a random key, and ends with `\unrestrict` and the same.
 * Source: https://www.postgresql.org/docs/15/release-15-14.html
 */
function endsAsPgDumpDoes(tail: string, restrictKey: string | undefined): boolean {
  const end = /(?:^|\n)--\n-- PostgreSQL database dump complete\n--\n\s*(\S.*)?\s*$/.exec(tail);
  const wanted = restrictKey === undefined ? undefined : String.raw`\unrestrict ${restrictKey}`;
  return end !== null && end[1]?.trimEnd() === wanted;
}
