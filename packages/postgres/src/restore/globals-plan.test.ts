import { describe, expect, it } from 'vitest';
import { planGlobals, settingKey, showGlobalsStatement, type GlobalsThere } from './globals-plan.ts';
import { parseGlobalsStatement } from './parse-globals.ts';

const DUMP = [
  'CREATE ROLE owners',
  'ALTER ROLE owners WITH NOSUPERUSER NOLOGIN NOREPLICATION NOBYPASSRLS',
  'CREATE ROLE app',
  `ALTER ROLE app WITH NOSUPERUSER LOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'SCRAM'`,
  'CREATE ROLE stranger',
  'ALTER ROLE stranger WITH SUPERUSER',
  `ALTER ROLE app SET search_path TO 'x'`,
  `ALTER ROLE stranger SET search_path TO 'x'`,
  'GRANT owners TO app GRANTED BY boss',
  'GRANT pg_monitor TO stranger',
  'GRANT pg_monitor TO app',
  `CREATE DATABASE "shop" TEMPLATE template0 encoding 'UTF8'`,
  'ALTER DATABASE "shop" OWNER TO "owners"',
  'ALTER DATABASE "shop" CONNECTION LIMIT 5',
  'REVOKE ALL ON DATABASE "shop" FROM PUBLIC',
  'GRANT CONNECT ON DATABASE "shop" TO "owners"',
  `ALTER DATABASE "shop" SET "lock_timeout" TO '1s'`,
  `ALTER ROLE "app" IN DATABASE "shop" SET "work_mem" TO '8MB'`,
  'GRANT CONNECT ON DATABASE "other" TO "stranger"',
].map(parseGlobalsStatement);

const nothing: GlobalsThere = {
  roles: new Set(['boss', 'pg_monitor']),
  members: new Map(),
  settings: new Set(),
  mayCreateRoles: true,
  isSuperuser: true,
};
const plan = (there: Partial<GlobalsThere> = {}, isNew = true) => {
  const options = { statements: DUMP, source: 'shop', target: 'shop 2', isNew, named: ['owners'] };
  const { statements, ...rest } = planGlobals({ ...options, there: { ...nothing, ...there } });
  return { ...rest, statements: statements.map(showGlobalsStatement) };
};

describe('what a restore brings back from a dump of globals', () => {
  it('is, on a new server, all that the database needs, under its new name', () => {
    expect(plan()).toEqual({
      roles: ['owners', 'app'],
      superusers: [],
      left: [],
      statements: [
        'CREATE ROLE owners;',
        'ALTER ROLE owners WITH NOSUPERUSER NOLOGIN NOREPLICATION NOBYPASSRLS;',
        'CREATE ROLE app;',
        `ALTER ROLE app WITH NOSUPERUSER LOGIN NOREPLICATION NOBYPASSRLS PASSWORD '…';`,
        `ALTER ROLE app SET search_path TO 'x';`,
        'GRANT owners TO app;',
        'GRANT pg_monitor TO app;',
        'ALTER DATABASE "shop 2" OWNER TO "owners";',
        'ALTER DATABASE "shop 2" CONNECTION LIMIT 5;',
        'REVOKE ALL ON DATABASE "shop 2" FROM PUBLIC;',
        'GRANT CONNECT ON DATABASE "shop 2" TO "owners";',
        `ALTER DATABASE "shop 2" SET "lock_timeout" TO '1s';`,
        `ALTER ROLE "app" IN DATABASE "shop 2" SET "work_mem" TO '8MB';`,
      ],
    });
  });

  it('is only what is missing where roles and database are there, and lowers none of it', () => {
    const there = {
      roles: new Set([...nothing.roles, 'owners', 'app']),
      members: new Map([['owners', new Set(['app'])]]),
      settings: new Set([settingKey(null, 'LOCK_TIMEOUT')]),
    };
    expect(plan(there, false)).toEqual({
      roles: [],
      superusers: [],
      left: [],
      statements: [
        'GRANT pg_monitor TO app;',
        'GRANT CONNECT ON DATABASE "shop 2" TO "owners";',
        `ALTER ROLE "app" IN DATABASE "shop 2" SET "work_mem" TO '8MB';`,
      ],
    });
  });

  it('is for a role that is no superuser what it may do, and the rest is left to one', () => {
    const { statements, left } = plan({ isSuperuser: false });
    expect(statements).toEqual([
      'CREATE ROLE owners;',
      'GRANT "owners" TO CURRENT_USER;',
      'ALTER ROLE owners WITH NOLOGIN;',
      'CREATE ROLE app;',
      'GRANT "app" TO CURRENT_USER;',
      `ALTER ROLE app WITH LOGIN PASSWORD '…';`,
    ]);
    expect(left.map(showGlobalsStatement)).toContain('GRANT owners TO app;');
    expect(plan({ isSuperuser: false, mayCreateRoles: false }).statements).toEqual([]);
  });
});
