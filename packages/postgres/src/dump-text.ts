/** What the text of a plain dump says of itself once it was read to its end. */
export type DumpText = {
  /** Whether it ends as pg_dump ends a dump. */
  readonly isComplete: boolean;
  readonly bytes: number;
  /** Rows per table, by the table's SQL name as the dump writes it; `undefined` if rows stand there as INSERTs. */
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
 * follows pg_dump's own heading of a table's data counts as a COPY, because a function's body may hold the same words.
 *
 * Nearly all of a dump is rows, so they are never copied: this runs on every byte of every backup.
 */
export class DumpTextReader {
  #bytes = 0;
  #tail: Buffer = Buffer.alloc(0);
  readonly #tables = new Map<string, number>();
  #hasInserts = false;

  /** The table whose rows are going by, and how many have. */
  #table: string | undefined;
  #rows = 0;
  /** Among rows: the last bytes of the chunk before, which may be the beginning of the end of rows. */
  #border: Buffer = Buffer.alloc(0);

  /** Outside of rows: the beginning of a line whose rest is in the next chunk. */
  #line: Buffer = Buffer.alloc(0);
  #isLongLine = false;
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
    let at = 0;
    while (at < chunk.length) at = this.#table === undefined ? this.#readLines(chunk, at) : this.#readRows(chunk, at);
  }

  end(): DumpText {
    const isComplete = this.#table === undefined && endsAsPgDumpDoes(this.#tail.toString('latin1'), this.#restrictKey);
    return { isComplete, bytes: this.#bytes, tables: this.#hasInserts ? undefined : Object.fromEntries(this.#tables) };
  }

  /** Reads lines up to the one that begins a table's rows. Returns where it stopped. */
  #readLines(chunk: Buffer, from: number): number {
    let at = from;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, at);
      const part = chunk.subarray(at, end === -1 ? chunk.length : end);
      if (this.#line.length + part.length > LONGEST_LINE) {
        this.#isLongLine = true;
        this.#line = Buffer.alloc(0);
      } else if (!this.#isLongLine && (end === -1 || this.#line.length > 0))
        this.#line = Buffer.concat([this.#line, part]);
      if (end === -1) return chunk.length;

      const line = this.#isLongLine ? '' : (this.#line.length > 0 ? this.#line : part).toString();
      this.#line = Buffer.alloc(0);
      this.#isLongLine = false;
      at = end + 1;
      if (this.#beginsRows(line)) return at;
    }
  }

  #beginsRows(line: string): boolean {
    if (this.#isPreamble) {
      this.#restrictKey ??= /^\\restrict (\w+)$/.exec(line)?.[1];
      if (line.startsWith('SET ')) this.#isPreamble = false;
    }
    if (this.#statement !== '') return this.#endsStatement(`${this.#statement}\n${line}`);
    // A dump has rows either way, never both: behind INSERTs, what looks like a COPY is a text in them.
    if (this.#hasInserts) return false;
    if (line.startsWith('-- Data for Name: ')) this.#isUnderHeading = true;
    else if (line.startsWith('-- Name: ')) this.#isUnderHeading = false;
    else if (this.#isUnderHeading) {
      if (line.startsWith('INSERT INTO ')) this.#hasInserts = true;
      if (line.startsWith('COPY ')) return this.#endsStatement(line);
    }
    return false;
  }

  /** Whether the text is all of a COPY: a name in double quotes may hold line ends, and even the words that end a COPY. */
  #endsStatement(text: string): boolean {
    const isInQuotes = (text.match(/"/g)?.length ?? 0) % 2 === 1;
    if (isInQuotes && text.length <= LONGEST_LINE) {
      this.#statement = text;
      return false;
    }
    this.#statement = '';
    this.#isUnderHeading = false;
    const table = /^COPY ((?:"(?:[^"]+|"")*"|[^\s".]+)(?:\.(?:"(?:[^"]+|"")*"|[^\s".]+))*) /.exec(text)?.[1];
    if (isInQuotes || table === undefined || !text.endsWith(' FROM stdin;')) return false;
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
