import { describe, expect, it } from 'vitest';
import { postgres, type PostgresConfig } from './postgres.ts';
import { readConfig, type ConfigError } from './read-config.ts';

const read = (env: Record<string, string>): PostgresConfig => readConfig(env, { postgres }, [postgres]).config.postgres;
const faults = (env: Record<string, string>): readonly string[] => {
  try {
    read(env);
    return [];
  } catch (error) {
    return (error as ConfigError).faults;
  }
};
const fromUrl = (DATABASE_URL: string, env: Record<string, string> = {}) => read({ ...env, DATABASE_URL });

describe('single variables', () => {
  it('name server, role and database', () => {
    expect(
      read({
        POSTGRES_HOST: '/var/run/postgresql',
        POSTGRES_PORT: '5433',
        POSTGRES_USER: 'ü ser',
        POSTGRES_PASSWORD: ' p:@/ ',
        POSTGRES_DATABASE: 'shop',
        PGSSLMODE: 'verify-full',
        PGSSLROOTCERT: '/ca.pem',
      }),
    ).toEqual({
      host: '/var/run/postgresql',
      port: 5433,
      user: 'ü ser',
      password: ' p:@/ ',
      databases: ['shop'],
      sslMode: 'verify-full',
      sslRootCert: '/ca.pem',
      extraOptions: [],
    });
  });

  it('know one database by two names, but not by both', () => {
    expect(faults({ POSTGRES_HOST: 'h', POSTGRES_USER: 'u', POSTGRES_DB: 'a', POSTGRES_DATABASE: 'a' })).toEqual([
      'POSTGRES_DB: give either POSTGRES_DB or POSTGRES_DATABASE, not both',
    ]);
  });

  it('refuse an unknown TLS mode', () => {
    expect(faults({ POSTGRES_HOST: 'h', POSTGRES_USER: 'u', POSTGRES_DB: 'a', PGSSLMODE: 'on' })).toEqual([
      'PGSSLMODE: expected one of disable, allow, prefer, require, verify-ca, verify-full, got "on"',
    ]);
  });
});

describe('DATABASE_URL', () => {
  it('holds all in one, percent-decoded', () => {
    expect(fromUrl('postgresql://us%20er:p%40%2F%3A%25ss@db.example.com:5433/my%20d%2Fb?sslmode=require')).toEqual({
      host: 'db.example.com',
      port: 5433,
      user: 'us er',
      password: 'p@/:%ss',
      databases: ['my d/b'],
      sslMode: 'require',
      sslRootCert: undefined,
      extraOptions: [],
    });
  });

  it('names one database, commas and all', () => {
    expect(fromUrl('postgres://u@h/a,b').databases).toEqual(['a,b']);
  });

  it('knows IPv6 addresses, sockets, and a server without password', () => {
    expect(fromUrl('postgres://u@[::1]:6000/db')).toMatchObject({ host: '::1', port: 6000, password: undefined });
    expect(fromUrl('postgres://u@%2Fvar%2Frun/db')).toMatchObject({ host: '/var/run', port: 5432 });
  });

  it('goes together with what it does not say', () => {
    const env = { PGSSLMODE: 'verify-ca', PGSSLROOTCERT: '/ca.pem', POSTGRES_EXTRA_OPTS: '-O', POSTGRES_PORT: '5555' };
    expect(fromUrl('postgres://u@h/db', env)).toMatchObject({
      port: 5555,
      sslMode: 'verify-ca',
      sslRootCert: '/ca.pem',
      extraOptions: ['-O'],
    });
    expect(fromUrl('postgres://u@h/db?sslmode=disable&sslrootcert=/b.pem', env)).toMatchObject({
      sslMode: 'disable',
      sslRootCert: '/b.pem',
    });
  });

  it.each([
    ['another kind of URL', 'mysql://u:p@h/db', 'expected postgresql://user:password@host:port/database'],
    ['no URL', 'host=evil dbname=x', 'expected postgresql://user:password@host:port/database'],
    ['a port that is none', 'postgres://u:p@h:70000/db', 'expected postgresql://user:password@host:port/database'],
    ['several hosts', 'postgres://u:p@a:1,b:2/db', 'expected postgresql://user:password@host:port/database'],
    ['no host', 'postgres:///db', 'with user, host and database'],
    ['no user', 'postgres://h/db', 'with user, host and database'],
    ['no database', 'postgres://u:p@h', 'with user, host and database'],
    ['no database behind the slash', 'postgres://u:p@h/', 'with user, host and database'],
    ['a database of 64 bytes', `postgres://u:p@h/${'a'.repeat(64)}`, 'with user, host and database'],
    ['a bare %', 'postgres://u:100%@h/db', 'holds a % that is not part of a percent-encoded character'],
    ['a bare #', 'postgres://u:p@h/d#b', 'holds a #; write it as %23'],
    ['an unknown TLS mode', 'postgres://u:p@h/db?sslmode=on', 'sslmode is one of'],
    ['an unknown parameter', 'postgres://u:p@h/db?options=-c', 'the parameter options is not known'],
  ])('with %s is a fault', (_what, DATABASE_URL, fault) => {
    const found = faults({ DATABASE_URL });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`DATABASE_URL: `);
    expect(found[0]).toContain(fault);
  });

  it.each(['POSTGRES_HOST', 'POSTGRES_USER', 'POSTGRES_PASSWORD', 'POSTGRES_DB', 'POSTGRES_DATABASE'])(
    'excludes %s',
    (name) => {
      expect(faults({ DATABASE_URL: 'postgres://u:p@h/db', [name]: 'x' })).toEqual([
        `DATABASE_URL: give either DATABASE_URL or ${name}, not both`,
      ]);
    },
  );
});
