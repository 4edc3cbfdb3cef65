import { describe, expect, it } from 'vitest';
import { parseGlobalsStatement } from './parse-globals.ts';
import { splitGlobals } from './read-globals.ts';

describe('a statement of a dump of globals', () => {
  it.each([
    ['CREATE ROLE app', { kind: 'create-role', role: 'app' }],
    ['CREATE ROLE "o""d; d"', { kind: 'create-role', role: 'o"d; d' }],
    ["ALTER ROLE app WITH NOSUPERUSER PASSWORD 'x'", { kind: 'alter-role', role: 'app' }],
    ["COMMENT ON ROLE app IS 'x'", { kind: 'comment-on-role', role: 'app' }],
    [`ALTER ROLE app SET search_path TO '$user', 'x'`, { kind: 'role-setting', role: 'app', name: 'search_path' }],
    [`ALTER ROLE ALL SET "lock_timeout" TO '7s'`, { kind: 'other' }],
    ['GRANT a TO "B c"', { kind: 'membership', role: 'a', member: 'B c' }],
    ['GRANT a TO b WITH ADMIN OPTION, INHERIT TRUE GRANTED BY c', { kind: 'membership', role: 'a', member: 'b' }],
    [`ALTER DATABASE "s" SET "a"."b" TO 'x'`, { kind: 'database-setting', database: 's', role: null, name: 'a.b' }],
    [
      `ALTER ROLE "r" IN DATABASE "s" SET "x" TO '1'`,
      { kind: 'database-setting', database: 's', role: 'r', name: 'x' },
    ],
    ['GRANT CONNECT, CREATE ON DATABASE "s" TO PUBLIC', { kind: 'database-grant', database: 's', grantee: null }],
    ['GRANT CONNECT ON DATABASE "s" TO "x" WITH GRANT OPTION', { kind: 'database-grant', database: 's', grantee: 'x' }],
    ['ALTER DATABASE "s" OWNER TO "x"', { kind: 'database-owner', database: 's', role: 'x' }],
    ['REVOKE ALL ON DATABASE "s" FROM PUBLIC', { kind: 'database', database: 's' }],
    ['ALTER DATABASE "s" SET TABLESPACE "fast"', { kind: 'database', database: 's' }],
    [`CREATE DATABASE "s" TEMPLATE template0 encoding 'UTF8'`, { kind: 'create-database', database: 's' }],
    [`CREATE TABLESPACE fast OWNER app LOCATION '/x'`, { kind: 'create-tablespace', tablespace: 'fast' }],
    ['GRANT ALL ON TABLESPACE fast TO app', { kind: 'tablespace', tablespace: 'fast' }],
    ['ALTER TABLESPACE fast SET (random_page_cost=1.1)', { kind: 'tablespace', tablespace: 'fast' }],
    [`GRANT SET ON PARAMETER lock_timeout TO app`, { kind: 'other' }],
    ['SET standard_conforming_strings = on', { kind: 'other' }],
  ])('%s', (sql, read) => {
    expect(parseGlobalsStatement(sql)).toEqual({ sql, ...read });
  });

  it('ends at its own semicolon, and the lock of psql is none', () => {
    const text = `\\restrict k1\n\nCREATE ROLE "a;b";\nCOMMENT ON ROLE "a;b" IS E'x\\\\;\ny';\n\\unrestrict k1\n\n--\n-- end\n--\n`;
    expect(splitGlobals(text)).toEqual(['CREATE ROLE "a;b"', `COMMENT ON ROLE "a;b" IS E'x\\\\;\ny'`]);
  });

  it.each([
    '\\! rm -rf /\n',
    'CREATE ROLE a \\gexec\n',
    'CREATE ROLE :name;',
    'CREATE ROLE `id`;',
    "COMMENT ON ROLE a IS 'x",
  ])('is refused where psql would do more than hand it on: %j', (text) => {
    expect(() => splitGlobals(text)).toThrow(/holds a command for psql|is no SQL/);
  });
});
