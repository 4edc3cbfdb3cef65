import { describe, expect, it } from 'vitest';
import { parseExtraOptions } from './extra-options.ts';

const parse = (text: string) => {
  const faults: string[] = [];
  return { words: parseExtraOptions(text, (fault) => faults.push(fault)), faults };
};

describe('more options for pg_dump', () => {
  it.each<[string, string[]]>([
    ['', []],
    ['  ', []],
    ['--no-owner  -x', ['--no-owner', '-x']],
    ['--exclude-table=log', ['--exclude-table=log']],
    ['--exclude-table log', ['--exclude-table', 'log']],
    ['-Tlog -T log', ['-Tlog', '-T', 'log']],
    [`--table='"My Table"'`, ['--table="My Table"']],
    [`-t "my table"`, ['-t', 'my table']],
    ['--exclude-table=*.log_?', ['--exclude-table=*.log_?']],
    ['-n --file', ['-n', '--file']],
    ['--schema=--file=/x', ['--schema=--file=/x']],
    ['-E UTF8 --section=data', ['-E', 'UTF8', '--section=data']],
  ])('%j passes', (text, words) => {
    expect(parse(text)).toEqual({ words, faults: [] });
  });

  it.each<readonly [string, string]>([
    ...[
      '-f x',
      '-fx',
      '--file=x',
      '--file x',
      '-Fc',
      '-F c',
      '--format=custom',
      '-Z9',
      '--compress=9',
      '-j4',
      '--jobs=4',
    ].map((text) => [text, 'changes the output'] as const),
    ...[
      '-h evil',
      '-hevil',
      '--host=evil',
      '-p1',
      '--port=1',
      '-U root',
      '--username=root',
      '-d x',
      '-dx',
      '--dbname=x',
      '-w',
      '-W',
      '--no-password',
      '--password',
    ].map((text) => [text, 'changes the connection'] as const),
    ...['-V', '--version', '-?', '--help'].map((text) => [text, 'dumps nothing'] as const),
    ['--enable-row-security', 'leaves out rows'],
    ['--snapshot=1', 'is set by pgstow itself'],
    ['--lock-wait-timeout=0', 'is set by pgstow itself'],
    ['--no-sync', 'changes the output'],
  ])('%j is refused with its reason', (text, reason) => {
    expect(parse(text).faults.join('; ')).toContain(reason);
  });

  it.each([
    '--fil=/tmp/x',
    '--f',
    '--no-own',
    '--hos=evil',
    '--db=x',
    '--exclude-tabl=x',
    '--table-=x',
    '--',
    '-',
    '---x',
  ])('the abbreviation %j, which pg_dump would complete, is refused', (text) => {
    expect(parse(text).faults.join()).toContain('is not an option of pg_dump that pgstow lets through');
  });

  it.each(['-Ofx', '-Of', '-xO', '-ab', '-vFc', '-O=x', '--no-owner=x'])('the cluster %j is refused', (text) => {
    expect(parse(text).faults).not.toEqual([]);
  });

  it.each([
    'x',
    'host=evil',
    '-t a b',
    `'-O x'`,
    `''`,
    'postgresql://evil/x',
    '-O; rm',
    '$(id)',
    '--no-owner\u00A0--file=x',
  ])('the word %j, which would name a database, is refused', (text) => {
    expect(parse(text).faults).not.toEqual([]);
  });

  it.each(['-t', '--table', '-O -n', '--exclude-table'])('%j lacks its argument', (text) => {
    expect(parse(text).faults.join()).toContain('needs an argument');
  });

  it.each([`-t "open`, `-t 'open`, `--table=it's`, `-t "a'b" 'c`])('%j has a quote that is not closed', (text) => {
    expect(parse(text).faults).toContain('a quote in it is not closed');
  });
});
