import { describe, expect, it } from 'vitest';
import { describeSource, formatAddress, isSameSource, type SourceIdentity } from './source-identity.ts';

const identity: SourceIdentity = {
  systemIdentifier: '7577777777777777777',
  databaseOid: 16_384,
  address: 'db1:5432',
  startedAt: '2026-11-01T03:00:00.123456Z',
};
const { systemIdentifier: _, ...hidden } = identity;
const restarted = { ...identity, startedAt: '2026-11-02T03:00:00.000001Z' };

describe('two dumps', () => {
  it.each([
    ['a server that was started again', restarted],
    ['the running server under another name', { ...identity, address: '10.0.0.1:5432' }],
    ['a host whose name is written otherwise', { ...restarted, address: 'DB1:5432' }],
    ['a role that may no longer read the number', hidden],
  ])('are of the same source: %s', (_why, other) => {
    expect(isSameSource(identity, other)).toBe(true);
    expect(isSameSource(other, identity)).toBe(true);
  });

  it.each([
    ['another cluster at the same address', { ...restarted, systemIdentifier: '7' }],
    ['a database that was dropped and created anew', { ...identity, databaseOid: 16_400 }],
    ['a copy of the files elsewhere', { ...restarted, address: 'staging:5432' }],
    ['elsewhere, and the number is hidden', { ...hidden, startedAt: restarted.startedAt, address: 'staging:5432' }],
  ])('are of two sources: %s', (_why, other) => {
    expect(isSameSource(identity, other)).toBe(false);
    expect(isSameSource(other, identity)).toBe(false);
  });
});

it('a source is described by its address and its numbers', () => {
  expect(describeSource(identity)).toBe('db1:5432 (system identifier 7577777777777777777, database oid 16384)');
  expect(describeSource(hidden)).toBe('db1:5432 (database oid 16384)');
  expect(formatAddress({ host: '::1', port: 5432 })).toBe('[::1]:5432');
  expect(formatAddress({ host: '/run/postgresql', port: 5433 })).toBe('/run/postgresql/.s.PGSQL.5433');
});
