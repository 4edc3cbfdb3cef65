import { describe, expect, it } from 'vitest';
import { scratchFaultIn, type RestoreFault } from './restore-fault-policy.ts';

const LIKE_SOURCE = { isLikeSource: true, limitedBy: undefined };

/** An error as `restoreError` writes it: `OBJECT: message (STATE)`, or `the dump: …` under no heading. */
function faultOf(message: string): RestoreFault {
  const [, object, sqlState] = /^(?:([a-z ]+[^:]*): )?.*?(?:\((\w{5})\))?$/s.exec(message) ?? [];
  return { message, sqlState, object: object === 'the dump' ? undefined : (object ?? 'table public.t') };
}

describe('an error of a restore', () => {
  it.each([
    [
      'extension postgis: could not open extension control file "/usr/share/x.control": No such file or directory (58P01)',
      true,
    ],
    ['extension postgis: extension "postgis" is not available (0A000)', true],
    ['function f: could not access file "$libdir/plpython3": No such file or directory (58P01)', true],
    ['could not extend file "base/1/2": No space left on device (53100)', false],
    ['out of shared memory (53200)', false],
    ['collation "de_DE.utf8" for encoding "UTF8" does not exist (42704)', true],
    ['invalid value for parameter "default_tablespace": "fast"\ndetail: tablespace "fast" does not exist', true],
    ['role "app" does not exist (42704)', true],
    ['the server ended the restore: 08001 could not connect to server "remote"', true],
    ['extension pg_cron: pg_cron can only be loaded via shared_preload_libraries (XX000)', true],
    ['the dump: relation "public.t" does not exist (42P01)', true],
    ['the dump connects to a database of its own: it was made with --create', true],
    ['database shop: CREATE DATABASE cannot run inside a transaction block (25001)', true],
    ['unrecognized configuration parameter "transaction_timeout" (42704)', true],
    ['subscription s: unrecognized subscription parameter: "run_as_owner" (42601)', true],
    ['security label public.column t.a: security label provider "anon" is not loaded (22023)', true],
  ])('that lies with the scratch server: %s', (message, isLasting) => {
    expect(scratchFaultIn(faultOf(message), LIKE_SOURCE)).toMatchObject({ isLasting });
  });

  it.each([
    'table public.t, row 7: duplicate key value violates unique constraint "t_pkey" (23505)',
    'table public.t, row 7: invalid input syntax for type integer: "x" (22P02)',
    'syntax error at or near "CREAT" (42601)',
    'relation "public.gone" does not exist (42P01)',
    'new row for relation "t" violates check constraint "positive" (23514)',
    'table public.t: missing data for column "b" (22P04)',
  ])('that lies with the dump: %s', (message) => {
    expect(scratchFaultIn(faultOf(message), LIKE_SOURCE)).toBeUndefined();
  });

  it('of a check that may compare texts, where the collation is another one', () => {
    const message = 'new row for relation "t" violates partition constraint (23514)';
    expect(scratchFaultIn(faultOf(message), { ...LIKE_SOURCE, isLikeSource: false })).toMatchObject({
      isLasting: true,
    });
    expect(
      scratchFaultIn(faultOf('duplicate key value violates unique constraint "a" (23505)'), {
        ...LIKE_SOURCE,
        isLikeSource: false,
      }),
    ).toBeUndefined();
  });

  it('of what the dump leaves out, because it was told to', () => {
    const limited = { ...LIKE_SOURCE, limitedBy: '--exclude-table=t' };
    expect(scratchFaultIn(faultOf('view v: relation "public.t" does not exist (42P01)'), limited)).toMatchObject({
      isLasting: true,
    });
    expect(scratchFaultIn(faultOf('table public.t, row 7: invalid input syntax (22P02)'), limited)).toBeUndefined();
  });
});
