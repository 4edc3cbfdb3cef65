import { describe, expect, it } from 'vitest';
import { readConfig, type ConfigError } from '../read-config.ts';
import { postgres, type PostgresConfig } from './postgres.ts';

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
      patterns: [],
      exclude: { names: [], patterns: [] },
      globals: 'off',
      libpq: { PGSSLMODE: 'verify-full', PGSSLROOTCERT: '/ca.pem' },
      libpqFile: {},
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

describe('every database', () => {
  const SERVER = { POSTGRES_HOST: 'h', POSTGRES_USER: 'u' };

  it('is asked for by a pattern, beside names, and without what is excluded', () => {
    expect(read({ ...SERVER, POSTGRES_DB: '*, shop', POSTGRES_DB_EXCLUDE: 'postgres,test_*' })).toMatchObject({
      databases: ['shop'],
      patterns: ['*'],
      exclude: { names: ['postgres'], patterns: ['test_*'] },
    });
    expect(fromUrl('postgres://u@h/*')).toMatchObject({ databases: [], patterns: ['*'], globals: 'on' });
  });

  it('comes with the globals, unless they are off; names come without, unless they are on', () => {
    const globals = (POSTGRES_DB: string, BACKUP_GLOBALS = '') =>
      read({ ...SERVER, POSTGRES_DB, BACKUP_GLOBALS }).globals;
    expect([globals('*'), globals('*', 'off'), globals('*', 'with-passwords')]).toEqual([
      'on',
      'off',
      'with-passwords',
    ]);
    expect([globals('a'), globals('a', 'on'), globals('a', 'with-passwords')]).toEqual(['off', 'on', 'with-passwords']);
  });

  it('cannot be without a database that is named as well', () => {
    const exclude = { ...SERVER, POSTGRES_DB: '*,shop_1', POSTGRES_DB_EXCLUDE: 'shop_?' };
    expect(faults(exclude)).toEqual([
      'POSTGRES_DB_EXCLUDE: excludes "shop_1", which POSTGRES_DB names; leave it out of one of them',
    ]);
  });

  it('is without an exception where all are named', () => {
    const env = { ...SERVER, POSTGRES_DB: 'shop', POSTGRES_DB_EXCLUDE: 'test_*' };
    expect(readConfig(env, { postgres }, [postgres]).warnings).toEqual([
      'POSTGRES_DB_EXCLUDE has no effect: POSTGRES_DB has no pattern such as *',
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
      patterns: [],
      exclude: { names: [], patterns: [] },
      globals: 'off',
      libpq: { PGSSLMODE: 'require' },
      libpqFile: {},
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
      libpq: { PGSSLMODE: 'verify-ca', PGSSLROOTCERT: '/ca.pem' },
      extraOptions: ['-O'],
    });
    expect(fromUrl('postgres://u@h/db?sslmode=disable&sslrootcert=/b.pem', env)).toMatchObject({
      libpq: { PGSSLMODE: 'disable', PGSSLROOTCERT: '/b.pem' },
    });
  });

  it('hands on what libpq knows, by its variable or by a file', () => {
    const query =
      'channel_binding=require&connect_timeout=7&target_session_attrs=prefer-standby&sslcert=%2Fc.pem&sslkey=%2Fk.pem&options=endpoint%3Dx&keepalives_idle=60';
    expect(fromUrl(`postgres://u:p@h/db?${query}`)).toMatchObject({
      libpq: {
        PGCHANNELBINDING: 'require',
        PGCONNECT_TIMEOUT: '7',
        PGTARGETSESSIONATTRS: 'prefer-standby',
        PGSSLCERT: '/c.pem',
        PGSSLKEY: '/k.pem',
        PGOPTIONS: 'endpoint=x',
      },
      libpqFile: { keepalives_idle: '60' },
    });
    expect(fromUrl('postgres://u:p@h/db?ssl=true').libpq).toEqual({ PGSSLMODE: 'require' });
    expect(fromUrl('postgresql:///?host=/run/pg&port=6000&user=u&password=p&dbname=db')).toMatchObject({
      host: '/run/pg',
      port: 6000,
      user: 'u',
      password: 'p',
      databases: ['db'],
    });
  });

  it("leaves out a library's parameters, and its own, with a warning", () => {
    const { warnings } = readConfig(
      { DATABASE_URL: 'postgres://u:p@h/db?schema=public&pgbouncer=true&application_name=web' },
      { postgres },
      [postgres],
    );
    expect(warnings).toEqual([
      'DATABASE_URL: its parameter schema is left out: it is one of a library, not of PostgreSQL',
      'DATABASE_URL: its parameter pgbouncer is left out: it is one of a library, not of PostgreSQL',
      'DATABASE_URL: its parameter application_name is left out: pgstow gives its connections a name of its own',
    ]);
  });

  it('keeps every password in it', () => {
    const { secrets } = readConfig({ DATABASE_URL: 'postgres://u:geh%20eim@h/db?sslpassword=canary' }, { postgres }, [
      postgres,
    ]);
    expect(secrets).toEqual(expect.arrayContaining(['geh%20eim', 'geh eim', 'canary']));
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
    ['an unknown parameter', 'postgres://u:p@h/db?sslmod=require', 'the parameter sslmod is not known'],
    ['a port that is none in a parameter', 'postgres://u:p@h/db?port=70000', 'the port is not a number'],
    ['a line end in a parameter', 'postgres://u:p@h/db?keepalives_idle=1%0Asslmode=disable', 'holds a line end'],
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
