type Within = 'sql' | 'name' | 'string' | 'escaping string' | 'dollars' | 'line' | 'comment';

/** Beginnings of quoted text. A backslash begins a command of psql anywhere. */
const OPENER = /['"$\\]|--|\/\*/g;
/** `$$`, `$tag$`, or one that the end of the text cuts; not `$1`. */
const DOLLARS = /\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?(\$|$)/y;
const PART_OF_WORD = /[\w$\x80-\xff]/;
const LINE_END = /[\r\n]/g;
const COMMENT_BORDER = /\/\*|\*\//g;
const ESCAPE_OR_END = /\\|'/g;

/**
 * Follows a plain dump's SQL as it goes by, cut anywhere, and knows whether its end stands in a string, a quoted name or a
 * comment. Takes bytes as latin1: all quoting is ASCII, and in every encoding of a server no other character has an ASCII
 * byte.
 *
 * It jumps from one special character to the next, since one string may hold a function, or a piece of a large object.
 * Source: https://www.postgresql.org/docs/current/sql-syntax-lexical.html
 */
export class SqlQuoting {
  /** A backslash escapes in every string, as with `standard_conforming_strings` off. */
  hasBackslashEscapes = false;
  /** Whether a command of psql was seen that does not begin its line; pg_dump writes none. */
  hasCommandInLine = false;

  #within: Within = 'sql';
  /** The end of the text within dollars. */
  #dollars = '';
  /** Comments of this kind nest. */
  #commentDepth = 0;
  /** Position at which the text outside of quotes began: what stands before has no part in how a word goes on. */
  #sqlStart = 0;

  /** The end of the text before, as far as what comes next may depend on it; a dump's beginning is a line's. */
  #kept = '\n';
  /** How much of that was read. */
  #keptRead = 1;

  get isOutside(): boolean {
    return this.#within === 'sql';
  }

  push(part: string): void {
    if (part === '') return;
    const text = this.#kept + part;
    let at = this.#keptRead;
    this.#keep('', 0);
    this.#sqlStart = 0;
    while (at < text.length) at = this.#read(text, at);
    if (this.#within === 'sql' && this.#kept === '') this.#keepSql(text);
  }

  /** Two characters tell an E before a quote from the end of a word; half of an opener is read again. */
  #keepSql(text: string): void {
    const kept = text.slice(Math.max(this.#sqlStart, text.length - 2));
    this.#keep(kept, /[-/]$/.test(kept) ? kept.length - 1 : kept.length);
  }

  #keep(text: string, read: number): void {
    this.#kept = text;
    this.#keptRead = read;
  }

  /** Reads up to where something begins or ends. Returns where it stopped: the text's end, if the rest is kept. */
  #read(text: string, at: number): number {
    switch (this.#within) {
      case 'sql':
        return this.#readSql(text, at);
      case 'name':
        return this.#readQuoted(text, at, '"');
      case 'string':
        return this.#readQuoted(text, at, "'");
      case 'escaping string':
        return this.#readEscapingString(text, at);
      case 'dollars':
        return this.#readDollars(text, at);
      case 'line':
        return this.#readLine(text, at);
      case 'comment':
        break;
    }
    return this.#readComment(text, at);
  }

  #readSql(text: string, from: number): number {
    const at = find(OPENER, text, from);
    if (at === -1) return text.length;
    switch (text.charAt(at)) {
      case '"':
        return this.#enter('name', at + 1);
      case "'":
        return this.#enter(this.#hasEscapes(text, at) ? 'escaping string' : 'string', at + 1);
      case '-':
        return this.#enter('line', at + 2);
      case '\\':
        this.hasCommandInLine ||= text[at - 1] !== '\n';
        return this.#enter('line', at + 1);
      case '/':
        this.#commentDepth = 1;
        return this.#enter('comment', at + 2);
      default:
        return this.#readTag(text, at);
    }
  }

  #readTag(text: string, at: number): number {
    if (this.#isPartOfWord(text, at - 1)) return at + 1;
    DOLLARS.lastIndex = at;
    const tag = DOLLARS.exec(text);
    if (tag === null) return at + 1;
    if (tag[1] === '') {
      this.#keep(tag[0], 0);
      return text.length;
    }
    this.#dollars = tag[0];
    return this.#enter('dollars', at + tag[0].length);
  }

  #hasEscapes(text: string, quote: number): boolean {
    if (this.hasBackslashEscapes) return true;
    const isE = quote > this.#sqlStart && /e/i.test(text.charAt(quote - 1));
    return isE && !this.#isPartOfWord(text, quote - 2);
  }

  #isPartOfWord(text: string, at: number): boolean {
    return at >= this.#sqlStart && PART_OF_WORD.test(text.charAt(at));
  }

  #readQuoted(text: string, from: number, quote: string): number {
    let at = text.indexOf(quote, from);
    // A doubled quote that is cut in half ends and begins again, which comes to the same.
    while (at !== -1 && text[at + 1] === quote) at = text.indexOf(quote, at + 2);
    return at === -1 ? text.length : this.#leave(at + 1);
  }

  #readEscapingString(text: string, from: number): number {
    const at = find(ESCAPE_OR_END, text, from);
    if (at === -1) return text.length;
    if (at + 1 === text.length) {
      this.#keep(text.slice(at), 0);
      return text.length;
    }
    // Unlike elsewhere, what a doubled quote began again would have no escapes.
    return text[at] === '\\' || text[at + 1] === "'" ? at + 2 : this.#leave(at + 1);
  }

  #readDollars(text: string, from: number): number {
    const at = text.indexOf(this.#dollars, from);
    if (at !== -1) return this.#leave(at + this.#dollars.length);
    this.#keep(text.slice(Math.max(from, text.length - this.#dollars.length + 1)), 0);
    return text.length;
  }

  /** The line's end belongs to what follows: a command of psql may. */
  #readLine(text: string, from: number): number {
    const at = find(LINE_END, text, from);
    return at === -1 ? text.length : this.#leave(at);
  }

  #readComment(text: string, from: number): number {
    const at = find(COMMENT_BORDER, text, from);
    if (at === -1) {
      const last = text.slice(-1);
      if (last === '*' || last === '/') this.#keep(last, 0);
      return text.length;
    }
    this.#commentDepth += text[at] === '/' ? 1 : -1;
    return this.#commentDepth === 0 ? this.#leave(at + 2) : at + 2;
  }

  #enter(within: Within, at: number): number {
    this.#within = within;
    return at;
  }

  #leave(at: number): number {
    this.#within = 'sql';
    this.#sqlStart = at;
    return at;
  }
}

function find(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? -1;
}
