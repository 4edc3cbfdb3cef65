import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { CopyRows } from './copy-rows.ts';
import { endsAsPgDumpallDoes, endsAsPgDumpDoes, type DumpKind } from './dump-ending.ts';
import { nameDecoder } from './name-decoder.ts';
import { mayNameRoles, roleNamesIn } from './role-names.ts';
import { SqlQuoting } from './sql-quoting.ts';

/** Facts that the text of a plain dump holds, once it is read to its end. */
export type DumpText = Pick<Manifest, 'sqlBytes' | 'tables' | 'roles' | 'serverVersion'> & {
  /** Whether it ends as pg_dump ends a dump. */
  readonly isComplete: boolean;
};

/** Receives a dump's text for the psql that runs it. */
export type DumpTextSink = {
  /**
   * Called with each piece once it may be sent. All pieces together have as many lines as the dump, but for rows that are left
   * out. The buffer may be overwritten after it returns.
   */
  write(text: Buffer): void;
  /** Whether it gets no rows: each COPY that would bring some reads the table instead. */
  readonly leavesOutRows?: boolean;
  /** Called with pg_dump's heading of an object before the text of that object, which begins after `line`. */
  heading(heading: string, line: number): void;
  /** Called with each line that begins outside of rows and quotes, as latin1. Returns one to send in its place, if any. */
  inPlaceOf?(line: string): string | undefined;
};

const NEWLINE = 10;
const TAIL_BYTES = 4096;
/** A COPY of 1600 columns with the longest names fits; longer lines are part of a function, a comment or a large object. */
const LONGEST_LINE = 256 * 1024;

/**
 * The border of a transaction of the dump's own, which pg_dump writes around large objects, and a setting that servers before
 * version 17 do not know: the restore's session has it already, where there is one.
 */
const NOT_SENT = /^(?:BEGIN|COMMIT|SET transaction_timeout = 0);\n$/;
const RESTRICTION = /^\\(?:un)?restrict (\w+)\n$/;

/**
 * Reads a plain dump as it streams by: counts the rows of each COPY and remembers how the text begins and ends. Only what
 * follows pg_dump's own heading of a table's data counts as a COPY, and only outside of quotes, because a function's body, a
 * comment or a view may hold the same words.
 */
export class DumpTextReader {
  #bytes = 0;
  #tail: Buffer = Buffer.alloc(0);
  /** Rows by the names of tables as latin1, not yet decoded. */
  readonly #tables = new Map<string, number>();
  #encoding = 'UTF8';
  #hasInserts = false;
  /** Names of roles as latin1. */
  readonly #roles = new Set<string>();
  #serverVersion: string | undefined;

  /** The rows that are being read. */
  #rows: CopyRows | undefined;

  /** Outside of rows: the beginning of a line whose rest is in the next chunk, as latin1. */
  #line = '';
  /** Whether the line is too long to wait for its end, and its beginning was read. */
  #isInLongLine = false;
  readonly #quoting = new SqlQuoting();
  /** Between the heading of a table's data and its rows. */
  #isUnderHeading = false;
  /** The beginning of a COPY whose names hold line ends. */
  #statement = '';
  /** Before the first setting; further on, a function may hold anything. */
  #isPreamble = true;
  /** Key with which the dump's own `\restrict` locks psql. */
  #restrictKey: string | undefined;
  /** The beginning of a statement that may name roles. */
  #roleStatement = '';

  readonly #sink: DumpTextSink | undefined;
  readonly #kind: DumpKind;
  /** Lines that have gone by. */
  #lines = 0;
  /** Position in the chunk of the text that the sink has not received yet. */
  #unsent = 0;

  /**
   * @param sink receives the text without statements that would end its transaction or that an older server refuses, and
   * without the keys that lock psql, because the restore locks psql by its own key. An incomplete line waits for its rest.
   */
  constructor(sink?: DumpTextSink, kind: DumpKind = 'database') {
    this.#sink = sink;
    this.#kind = kind;
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
      at = this.#rows === undefined ? this.#readLines(chunk, at) : this.#readRows(this.#rows, chunk, at);
    }
    this.#send(chunk, Math.max(0, chunk.length - this.#line.length));
  }

  /**
   * @returns no `tables` if rows stand there as INSERTs, if a name does not decode, or if a complete dump was misread; no `roles`
   *   if a name does not decode
   */
  end(): DumpText {
    // Rows may hold pg_dump's last words, but not its random key. So a dump that ends with the key is whole, and was misread
    // if it seems to end amid rows or in a text.
    const isComplete = this.#endsAsItShould() && (this.#rows === undefined || this.#restrictKey !== undefined);
    const isMisread = isComplete && (this.#rows !== undefined || !this.#quoting.isOutside);
    const areCounted = !this.#hasInserts && !isMisread;
    return {
      isComplete,
      sqlBytes: this.#bytes,
      tables: areCounted ? this.#namedTables() : undefined,
      roles: this.#namedRoles(),
      serverVersion: this.#serverVersion,
    };
  }

  #endsAsItShould(): boolean {
    const tail = this.#tail.toString('latin1');
    return this.#kind === 'globals' ? endsAsPgDumpallDoes(tail) : endsAsPgDumpDoes(tail, this.#restrictKey);
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
      if (this.#sink !== undefined) this.#pass(line, { isOutside, beginsRows }, chunk, start, end);
      if (beginsRows) return at;
    }
    return chunk.length;
  }

  /** Passes a line, or a part of one, to the sink, or another line in its place. */
  #pass(
    line: string,
    { isOutside, beginsRows }: { readonly isOutside: boolean; readonly beginsRows: boolean },
    chunk: Buffer,
    start: number,
    end: number,
  ): void {
    const isCommand = isOutside && line.startsWith('\\');
    const key = isCommand ? RESTRICTION.exec(line)?.[1] : undefined;
    const isRestriction = key !== undefined && key === this.#restrictKey;
    if ((isCommand && !isRestriction) || this.#quoting.hasCommandInLine) this.#refuse(line);
    const isLeftOut = isRestriction || (isOutside && NOT_SENT.test(line));
    const other = isLeftOut ? '\n' : this.#inPlaceOf(line, isOutside, beginsRows);
    const beganBefore = line.length > end - start;
    if (other === undefined && !beganBefore) return;
    this.#send(chunk, start);
    this.#sink?.write(Buffer.from(other ?? line, 'latin1'));
    this.#unsent = end;
  }

  #inPlaceOf(line: string, isOutside: boolean, beginsRows: boolean): string | undefined {
    if (beginsRows && this.#sink?.leavesOutRows === true) return line.replace(FROM_STDIN, ' TO stdout;\n');
    return isOutside ? this.#sink?.inPlaceOf?.(line) : undefined;
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
        hint: 'It would run commands on this machine: find out where this dump comes from.',
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

  /** Reads the lines in which pg_dump describes the dump and its parts. */
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
    if (isInQuotes || table === undefined || !FROM_STDIN.test(text)) return false;
    this.#rows = new CopyRows(table);
    return true;
  }

  /** Reads rows up to their end. Returns where it stopped. */
  #readRows(rows: CopyRows, chunk: Buffer, from: number): number {
    const end = rows.read(chunk, from);
    const areLeftOut = this.#sink?.leavesOutRows === true;
    if (areLeftOut) {
      this.#send(chunk, from);
      this.#unsent = end ?? chunk.length;
    }
    if (end === undefined) return chunk.length;
    if (!areLeftOut) this.#lines += rows.count + 1;
    this.#tables.set(rows.table, (this.#tables.get(rows.table) ?? 0) + rows.count);
    this.#rows = undefined;
    return end;
  }
}

const FROM_STDIN = / FROM stdin;\n$/;
const HEADING = /^-- (?:Data for )?Name: /;

const isInsert = (line: string): boolean => line.startsWith('INSERT INTO ');
