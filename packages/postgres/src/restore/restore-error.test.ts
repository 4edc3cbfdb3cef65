import { describe, expect, it } from 'vitest';
import { restoreError, type Heading } from './restore-error.ts';

const read = (stderr: string, headings: readonly Heading[] = []) =>
  restoreError(stderr, 'exited with code 3', { lenient: 3, before: 10 }, headings);

describe('what psql says before it ends', () => {
  it('becomes the table, the row, the message, its state and the detail', () => {
    const stderr = `psql:<stdin>:40: WARNING:  42809: cast will be ignored
LOCATION:  CreateCast
psql:<stdin>:99: ERROR:  23505: duplicate key value violates unique constraint "t_pkey"
DETAIL:  Key (a)=(x
y) already exists.
CONTEXT:  COPY t, line 3
SCHEMA NAME:  public
TABLE NAME:  t
CONSTRAINT NAME:  t_pkey
LOCATION:  _bt_check_unique, nbtinsert.c:664
`;
    expect(read(stderr)).toMatchObject({
      name: 'RestoreError',
      sqlState: '23505',
      object: 'public.t',
      message:
        'public.t, row 3: duplicate key value violates unique constraint "t_pkey" (23505)\ndetail: Key (a)=(x\ny) already exists.',
    });
  });

  it('names the object under whose heading the statement stands, by its line', () => {
    const headings = [
      { line: 5, text: '-- Name: a; Type: TABLE; Schema: public; Owner: x\n' },
      { line: 20, text: '-- Name: b c; Type: FUNCTION; Schema: -; Owner: x\n' },
      { line: 80, text: '-- Data for Name: d; Type: TABLE DATA; Schema: s; Owner: x\n' },
    ];
    const at = (line: number) => read(`psql:<stdin>:${line}: ERROR:  42601: no\nLOCATION:  x\n`, headings).message;
    expect(at(10)).toBe('before the dump itself: no (42601)');
    expect(at(11)).toBe('the dump: no (42601)');
    expect(at(15)).toBe('table public.a: no (42601)');
    expect(at(89)).toBe('function b c: no (42601)');
    expect(at(1000)).toBe('table data s.d: no (42601)');
  });

  it("may be that a subscription has a newer version's parameter", () => {
    const said = '42601: unrecognized subscription parameter: "run_as_owner"';
    expect(read(`psql:<stdin>:50: ERROR:  ${said}\n`)).toMatchObject({ hint: expect.stringMatching(/newer pg_dump/) });
  });

  it('may be that a library must be loaded at the start', () => {
    const said = 'XX000: pg_cron can only be loaded via shared_preload_libraries';
    expect(read(`psql:<stdin>:50: ERROR:  ${said}\n`)).toMatchObject({
      name: 'RestoreError',
      hint: expect.stringContaining('shared_preload_libraries in postgresql.conf'),
    });
  });

  it('may be for good although the server ended the connection', () => {
    expect(read('psql:<stdin>:50: FATAL:  XX000: extension "timescaledb" must be preloaded\n')).toMatchObject({
      name: 'RestoreError',
      hint: expect.stringContaining('shared_preload_libraries'),
    });
  });

  it("may be in the server's own language", () => {
    expect(read('psql:<stdin>:50: FEHLER:  42704: Rolle »x« existiert nicht\nDETAIL:  Nein.\n')).toMatchObject({
      name: 'RestoreError',
      sqlState: '42704',
    });
  });

  it.each([
    'psql:<stdin>:50: FATAL:  57P01: terminating connection due to administrator command\n',
    'psql: error: connection to server at "127.0.0.1", port 9 failed: Connection refused\n',
    'psql:<stdin>:3: WARNING:  01000: soon\npsql:<stdin>:9: error: connection to server was lost\n',
  ])('may be that the server is gone: %j', (stderr) => {
    expect(read(stderr)).toMatchObject({ name: 'RetryableError' });
  });

  it.each([
    ['psql:<stdin>:1: error: invalid command \\restrict', /too old/],
    ['psql:<stdin>:1: error: backslash commands are restricted; only \\unrestrict is allowed', /command for psql/],
  ])('may be of psql itself: %s', (stderr, message) => {
    expect(read(stderr)).toMatchObject({ name: 'RestoreError', message: expect.stringMatching(message) });
  });
});
