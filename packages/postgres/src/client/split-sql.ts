/** A statement with the comments that belong to it. */
export type SqlPiece = {
  /** Its text without comments around it, and without its semicolon. */
  readonly sql: string;
  /** Comments of one line before it, in it, and behind its semicolon in the same line. */
  readonly comments: readonly string[];
  /** Line of the file that it begins in, from 1. */
  readonly line: number;
};

const COMMENT = /--[^\n]*/y;
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const ESCAPED = /[eE]'(?:[^'\\]|\\[\s\S]|'')*'/y;
const QUOTED = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[\s\S]*?\$(?:\1)\$|\$\d+/y;
const OPENS_QUOTE = /['"]|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|\/\*/y;

/**
 * Splits SQL at its semicolons, as the server reads it.
 *
 * Source: https://www.postgresql.org/docs/current/sql-syntax-lexical.html
 *
 * @param fault makes the error that is thrown where a quote or a comment is not closed
 */
export function splitSql(text: string, fault: (message: string) => Error): readonly SqlPiece[] {
  const pieces: { sql: string; comments: string[]; line: number }[] = [];
  let comments: string[] = [];
  let sql = '';
  let line: number | undefined;
  let endedAt = -1;
  const lineAt = (at: number): number => text.slice(0, at).split('\n').length;
  const end = (): void => {
    if (sql.trim() !== '') pieces.push({ sql: sql.trim(), comments, line: line ?? 1 });
    comments = [];
    sql = '';
    line = undefined;
  };
  const source = text.replace(/^\uFEFF/, '');
  for (let at = 0; at < source.length;) {
    const comment = match(COMMENT, source, at);
    if (comment !== undefined) {
      const isBehind = sql.trim() === '' && endedAt !== -1 && !source.slice(endedAt, at).includes('\n');
      (isBehind ? (pieces.at(-1)?.comments ?? comments) : comments).push(comment.trim());
      at += comment.length;
      continue;
    }
    const token =
      blockComment(source, at) ?? match(ESCAPED, source, at) ?? match(WORD, source, at) ?? match(QUOTED, source, at);
    if (token === undefined && match(OPENS_QUOTE, source, at) !== undefined)
      throw fault(`line ${lineAt(at)}: a quote or a comment that begins there is not closed`);
    const taken = token ?? source[at] ?? '';
    at += taken.length;
    if (taken === ';') {
      end();
      endedAt = at;
    } else if (!taken.startsWith('/*')) {
      if (taken.trim() !== '') line ??= lineAt(at - taken.length);
      sql += taken;
    } else sql += ' ';
  }
  end();
  return pieces;
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** A comment that may hold others; `undefined` if there is none, or if it has no end. */
function blockComment(text: string, from: number): string | undefined {
  if (!text.startsWith('/*', from)) return undefined;
  let depth = 0;
  for (let at = from; at < text.length;) {
    const border = text.startsWith('/*', at) ? 1 : text.startsWith('*/', at) ? -1 : 0;
    at += border === 0 ? 1 : 2;
    depth += border;
    if (depth === 0) return text.slice(from, at);
  }
  return undefined;
}
