import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { nameDecoder } from './name-decoder.ts';
import { mayNameRoles, roleNamesIn } from './role-names.ts';
import { SqlQuoting } from './sql-quoting.ts';

/** What the text of a plain dump says of itself once it was read to its end. */
export type DumpText = Pick<Manifest, 'sqlBytes' | 'tables' | 'roles' | 'serverVersion'> & {
  /** Whether it ends as pg_dump ends a dump. */
  readonly isComplete: boolean;
};

/** Takes a dump's text for a psql that is to run it. */
export type DumpTextSink = {
  /**
   * Called with one piece after the other, once it is known that it may be sent; together they have as many lines as the
   * dump. The buffer may be overwritten after it returns.
   */
  write(text: Buffer): void;
  /** Called with pg_dump's heading of the object that the text behind `line` is about, before that is written. */
  heading(heading: string, line: number): void;
};

const NEWLINE = 10;
/** What stands between the last row of a COPY, or its own line, and what follows. */
const END_OF_ROWS = Buffer.from('\n\\.\n');
const TAIL_BYTES = 4096;
/** A COPY of 1600 columns with the longest names fits; longer lines are part of a function, a comment or a large object. */
const LONGEST_LINE = 256 * 1024;

/** The border of a transaction of the dump's own, which pg_dump writes around large objects. */
const TRANSACTION_BORDER = /^(?:BEGIN|COMMIT);\n$/;
const RESTRICTION = /^\\(?:un)?restrict (\w+)\n$/;

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
  /** As latin1, too. */
  readonly #roles = new Set<string>();
  #serverVersion: string | undefined;

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
  /** The beginning of a statement that may name roles. */
  #roleStatement = '';

  readonly #sink: DumpTextSink | undefined;
  /** Lines that have gone by. */
  #lines = 0;
  /** Where in the chunk begins what the sink has not got yet. */
  #unsent = 0;

  /**
   * @param sink gets the text without what would end the transaction that it is run in, and without the keys that lock psql,
   *   because whoever runs it locks psql by a key of their own. An incomplete line waits until its rest has come.
   */
  constructor(sink?: DumpTextSink) {
    this.#sink = sink;
  }

  /** @throws PermanentError, with a sink, at a command for psql; nothing of its line was sent */
  push(chunk: Buffer): void {
    this.#bytes += chunk.length;
    this.#tail =
      chunk.length >= TAIL_BYTES
        ? Buffer.from(chunk.subarray(-TAIL_BYTES))
        : Buffer.concat([this.#tail, chunk]).subarray(-TAIL_BYTES);
    this.#unsent = 0;
    for (let at = 0; at < chunk.length;) {
      at = this.#table === undefined ? this.#readLines(chunk, at) : this.#readRows(chunk, at);
    }
    this.#send(chunk, Math.max(0, chunk.length - this.#line.length));
  }

  /**
   * @returns no `tables` if rows stand there as INSERTs, if a name does not decode, or if a complete dump was misread; no `roles`
   *   if a name does not decode
   */
  end(): DumpText {
    // Rows may hold pg_dump's last words, but not its random key: where that ends a dump that seems to be amid rows, the dump
    // is whole and was misread. So is one that seems to end amid a text; its words are no proof of the contrary.
    const isComplete =
      endsAsPgDumpDoes(this.#tail.toString('latin1'), this.#restrictKey) &&
      (this.#table === undefined || this.#restrictKey !== undefined);
    const isMisread = isComplete && (this.#table !== undefined || !this.#quoting.isOutside);
    const areCounted = !this.#hasInserts && !isMisread;
    return {
      isComplete,
      sqlBytes: this.#bytes,
      tables: areCounted ? this.#namedTables() : undefined,
      roles: this.#namedRoles(),
      serverVersion: this.#serverVersion,
    };
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

  #namedRoles(): DumpText['roles'] {
    const decode = nameDecoder(this.#encoding);
    const named: string[] = [];
    for (const latin1 of this.#roles) {
      const name = decode(Buffer.from(latin1, 'latin1'));
      if (name === undefined) return undefined;
      named.push(name);
    }
    return named.sort();
  }

  /** Reads lines up to the one that begins a table's rows. Returns where it stopped. */
  #readLines(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length;) {
      const newline = chunk.indexOf(NEWLINE, at);
      const start = at;
      const end = newline === -1 ? chunk.length : newline + 1;
      this.#line += chunk.toString('latin1', at, end);
      at = end;
      if (newline === -1 && this.#line.length <= LONGEST_LINE) return at;

      const line = this.#line;
      const isRestOfLine = this.#isInLongLine;
      const isOutside = this.#quoting.isOutside && !isRestOfLine;
      this.#line = '';
      this.#isInLongLine = newline === -1;
      const isLong = isRestOfLine || line.length > LONGEST_LINE;
      if (isLong) this.#passLongLine(line, isRestOfLine);
      const beginsRows = !isLong && this.#beginsRows(line);
      if (newline !== -1) this.#lines += 1;
      if (this.#sink !== undefined) this.#pass(line, isOutside, chunk, start, end);
      if (beginsRows) return at;
    }
    return chunk.length;
  }

  /** Lets a line, or a part of one, through to the sink, or an empty one in its place. */
  #pass(line: string, isOutside: boolean, chunk: Buffer, start: number, end: number): void {
    const isCommand = isOutside && line.startsWith('\\');
    const key = isCommand ? RESTRICTION.exec(line)?.[1] : undefined;
    const isRestriction = key !== undefined && key === this.#restrictKey;
    if ((isCommand && !isRestriction) || this.#quoting.hasCommandInLine) this.#refuse(line);
    const isLeftOut = isRestriction || (isOutside && TRANSACTION_BORDER.test(line));
    const beganBefore = line.length > end - start;
    if (!isLeftOut && !beganBefore) return;
    this.#send(chunk, start);
    this.#sink?.write(isLeftOut ? END_OF_ROWS.subarray(0, 1) : Buffer.from(line, 'latin1'));
    this.#unsent = end;
  }

  #send(chunk: Buffer, end: number): void {
    if (end > this.#unsent) this.#sink?.write(chunk.subarray(this.#unsent, end));
    this.#unsent = Math.max(this.#unsent, end);
  }

  #refuse(line: string): never {
    if (line.startsWith('\\connect ')) {
      throw new PermanentError('the dump connects to a database of its own: it was made with --create', {
        hint: 'Restore it by hand, see docs/restore.md, and leave --create out of POSTGRES_EXTRA_OPTS.',
      });
    }
    throw new PermanentError(
      `the dump holds a command for psql in line ${this.#lines}, and pg_dump writes none there`,
      {
        hint: 'Somebody wants to run commands on this machine: find out where this dump comes from.',
      },
    );
  }

  /** Takes a part of a line that is too long for a heading or a COPY. */
  #passLongLine(part: string, isRestOfLine: boolean): void {
    this.#statement = '';
    this.#roleStatement = '';
    if (!isRestOfLine && this.#isUnderHeading && this.#quoting.isOutside) this.#hasInserts ||= isInsert(part);
    this.#quoting.push(part);
  }

  #beginsRows(line: string): boolean {
    const isOutside = this.#quoting.isOutside;
    if (isOutside) this.#readHeading(line);
    this.#quoting.push(line);
    this.#readRoles(line, isOutside);
    const isCopy = isOutside && this.#isUnderHeading && !this.#hasInserts && line.startsWith('COPY ');
    return (isCopy || this.#statement !== '') && this.#endsStatement(this.#statement + line);
  }

  /** Reads what pg_dump says of the dump, and of its parts, in lines of their own. */
  #readHeading(line: string): void {
    if (this.#isPreamble) {
      this.#restrictKey ??= /^\\restrict (\w+)\n$/.exec(line)?.[1];
      this.#serverVersion ??= /^-- Dumped from database version (\S.*)\n$/.exec(line)?.[1];
    }
    if (line.startsWith('SET ')) {
      this.#isPreamble = false;
      this.#encoding = /^SET client_encoding = '(\w+)';\n$/.exec(line)?.[1] ?? this.#encoding;
      if (line === 'SET standard_conforming_strings = off;\n') this.#quoting.hasBackslashEscapes = true;
    } else if (line.startsWith('-- ') && HEADING.test(line)) {
      this.#isUnderHeading = line.startsWith('-- Data for ');
      this.#sink?.heading(line, this.#lines + 1);
    } else if (this.#isUnderHeading) this.#hasInserts ||= isInsert(line);
  }

  #readRoles(line: string, isOutside: boolean): void {
    if (this.#roleStatement === '' && !(isOutside && mayNameRoles(line))) return;
    const statement = this.#roleStatement + line;
    const isWhole = this.#quoting.isOutside && line.endsWith(';\n');
    this.#roleStatement = isWhole || statement.length > LONGEST_LINE ? '' : statement;
    if (isWhole) for (const name of roleNamesIn(statement)) this.#roles.add(name);
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
    this.#lines += this.#rows + 1;
    this.#tables.set(table, (this.#tables.get(table) ?? 0) + this.#rows);
    this.#table = undefined;
  }
}

const HEADING = /^-- (?:Data for )?Name: /;

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
