import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { extensionsOf, listMissingExtensions } from './missing-extensions.ts';

describe.skipIf(!hasPostgres())('the extensions that a server cannot make', () => {
  let server: PostgresServer;
  beforeAll(async () => void (server = await startPostgres()));
  afterAll(() => server[Symbol.asyncDispose]());
  const missing = (...wanted: Parameters<typeof listMissingExtensions>[0]) =>
    server.psql('postgres', listMissingExtensions(wanted));

  it('are those of any version that are not installed', async () => {
    expect(await missing()).toBe('');
    expect(await missing({ name: 'plpgsql', version: '0.1' })).toBe('');
    expect(await missing({ name: 'plpgsql', version: '1.0' }, { name: "no'where", version: '1' })).toBe("no'where");
  });

  it('are those of one version, for TimescaleDB', async () => {
    const schemas = ['public', 'tsdb', undefined];
    for (const schema of schemas)
      expect(await missing({ name: 'timescaledb', version: '0.0.1', schema })).toBe('timescaledb 0.0.1');
  });
});

describe('the extensions of a manifest', () => {
  it('are known by name and version to one of version 0.1', () => {
    const source = { extensions: { vector: '0.8.0' } } as never;
    expect(extensionsOf({ source })).toEqual([{ name: 'vector', version: '0.8.0' }]);
    expect(extensionsOf({})).toEqual([]);
    const needs = { settings: [], monetaryLocale: 'C', tablespaces: [] };
    const extensions = { vector: { version: '0.8.0', schema: 'x' } };
    expect(extensionsOf({ source, needs: { ...needs, extensions } })).toEqual([
      { name: 'vector', version: '0.8.0', schema: 'x' },
    ]);
  });
});
