import type { PostgresConnection } from '@pgstow/shared/config/subjects/postgres.ts';
import { expect, it, vi } from 'vitest';
import { libpqEnvironment } from './libpq-environment.ts';

const server: PostgresConnection = {
  host: 'db',
  port: 5433,
  user: 'backup',
  password: 'geheim',
  libpq: {},
  libpqFile: {},
};

it('a client gets to know its connection and nothing else of ours', () => {
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'canary');
  vi.stubEnv('POSTGRES_PASSWORD', 'canary');
  vi.stubEnv('PGPORT', '1');
  vi.stubEnv('PGSERVICE', 'evil');
  vi.stubEnv('PGPASSFILE', undefined);
  vi.stubEnv('HOME', '/home/x');
  vi.stubEnv('PATH', '/bin');
  try {
    expect(libpqEnvironment(server, 'host=evil dbname=x', 'pgstow 1')).toEqual({
      PATH: '/bin',
      HOME: '/home/x',
      LC_ALL: 'C.UTF-8',
      PGHOST: 'db',
      PGPORT: '5433',
      PGUSER: 'backup',
      PGPASSWORD: 'geheim',
      PGDATABASE: 'host=evil dbname=x',
      PGCONNECT_TIMEOUT: '15',
      PGAPPNAME: 'pgstow 1',
    });
  } finally {
    vi.unstubAllEnvs();
  }
});

it('TLS settings are passed on, and a password only where there is one', () => {
  const env = libpqEnvironment(
    {
      ...server,
      password: undefined,
      libpq: { PGSSLMODE: 'verify-full', PGSSLROOTCERT: '/ca', PGCONNECT_TIMEOUT: '3' },
    },
    'shop',
    'x',
  );
  expect(env).toMatchObject({ PGSSLMODE: 'verify-full', PGSSLROOTCERT: '/ca', PGCONNECT_TIMEOUT: '3' });
  expect(env).not.toHaveProperty('PGPASSWORD');
});
