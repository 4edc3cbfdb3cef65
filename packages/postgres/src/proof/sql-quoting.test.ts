import { describe, expect, it } from 'vitest';
import { SqlQuoting } from './sql-quoting.ts';

function isOutsideAfter(pieces: readonly string[], hasBackslashEscapes = false): boolean {
  const quoting = new SqlQuoting();
  quoting.hasBackslashEscapes = hasBackslashEscapes;
  for (const piece of pieces) quoting.push(piece);
  return quoting.isOutside;
}

/** What is said of the text, cut into two anywhere and into single characters: one answer, if cuts do not matter. */
function answers(text: string, hasBackslashEscapes = false): readonly boolean[] {
  const cuts = Array.from({ length: text.length + 1 }, (_, at) => [text.slice(0, at), text.slice(at)]);
  return [...new Set([...cuts, text.split('')].map((pieces) => isOutsideAfter(pieces, hasBackslashEscapes)))];
}

describe("a dump's quoting", () => {
  it.each([
    ["select 'a\n", false],
    ["select 'a';\n", true],
    ["select 'it''s\n", false],
    ["select 'it''s';\n", true],
    ["select ''';\n", false],
    [String.raw`select '\';` + '\n', true],
    [`select '"$$--/*';\n`, true],
    [String.raw`select E'\';` + '\n', false],
    [String.raw`select e'\'';` + '\n', true],
    [String.raw`select E'\\';` + '\n', true],
    [String.raw`select E'''\'';` + '\n', true],
    [String.raw`select E'\'''` + '\n', false],
    [String.raw`select 1E'\';` + '\n', true],
    [String.raw`select date'\';` + '\n', true],
    [String.raw`select "a"E'\';` + '\n', false],
    [String.raw`select U&'\', N'\', B'\';` + '\n', true],
  ])('in strings: %j outside: %j', (text, expected) => {
    expect(answers(text)).toEqual([expected]);
  });

  it.each([
    [String.raw`select '\';` + '\n', false],
    [String.raw`select '\'';` + '\n', true],
    [String.raw`select '\\', '''\\''';` + '\n', true],
    [String.raw`select $$\$$, "\";` + '\n', true],
  ])('where a backslash escapes in every string: %j outside: %j', (text, expected) => {
    expect(answers(text, true)).toEqual([expected]);
  });

  it.each([
    ['select "a\n', false],
    ['select "a""b";\n', true],
    [`select "it's $$ -- /*";\n`, true],
  ])('in names: %j outside: %j', (text, expected) => {
    expect(answers(text)).toEqual([expected]);
  });

  it.each([
    ['as $$\n', false],
    ['as $$ $ $_$ $1 \n', false],
    ['as $$ \' " -- /* $$;\n', true],
    ['as $_X$ $$ $_$ $X$ _X$\n', false],
    ['as $_X$ $$ $_$ $_$_X$;\n', true],
    ['as $_X$ $_X$_X$;\n', true],
    ['as $é1$ $é$ $é1$;\n', true],
    ['as $$$$;\n', true],
    ['as $a$$a$$$\n', false],
    ['as $$a$$$b$ $$ $b$;\n', true],
    ['select $1, $1$, a$b$, é$$, a$b$c$;\n', true],
    ['select $1a$ $ $a-$ $$\n', false],
  ])('in dollars: %j outside: %j', (text, expected) => {
    expect(answers(Buffer.from(text).toString('latin1'))).toEqual([expected]);
  });

  it.each([
    [`-- it's "a $$ /*\n`, true],
    [`-- it's\n'\n`, false],
    [`-- it's\r'\n`, false],
    ["select 1 - -'--\n", false],
    ["select 1---'\n;", true],
    ["/* it's\n", false],
    ["/* it's */\n", true],
    ["/*/ it's */\n", true],
    ["/**/'\n", false],
    ['/* /* */\n', false],
    ['/* /* */ */\n', true],
    ['/* /*/*/ **/**/*/\n', true],
    ['select 4 / 2 * 3, 4 //* */ 2;\n', true],
    ['*/\n', true],
  ])('in comments: %j outside: %j', (text, expected) => {
    expect(answers(text)).toEqual([expected]);
  });

  it.each([
    [`\\connect "it's"\n`, true],
    [`\\connect 'a$$\n'`, false],
    [`-- a\n\\connect -reuse-previous=on "dbname='it''s $$'\n`, true],
    [`select 'a\n\\connect'\n`, true],
    [`select 1 \\ '\n`, true],
    [`select 1\\a '`, false],
    [`\n\\a $$\n\\b $$\n`, true],
  ])('in commands of psql: %j outside: %j', (text, expected) => {
    expect(answers(text)).toEqual([expected]);
  });

  it('reads the same in any pieces', () => {
    let state = 7;
    const random = (below: number) => (state = (Math.imul(state, 48_271) >>> 0) % 2_147_483_647) % below;
    const alphabet = String.raw`' " $ $ $ a E 1 \ - / * $$ $a$ -- /* */ E' é ;`
      .split(' ')
      .concat(' ', '\n', '\n', '\r');
    for (let i = 0; i < 3000; i += 1) {
      const text = Array.from({ length: 1 + random(14) }, () => alphabet[random(alphabet.length)]).join('');
      expect(answers(text, i % 4 === 0), `in ${JSON.stringify(text)}`).toHaveLength(1);
    }
  });
});
