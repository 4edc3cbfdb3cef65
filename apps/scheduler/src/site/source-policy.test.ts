import { expect, it } from 'vitest';
import { findSourcesTwice } from './source-policy.ts';

type Known = Parameters<typeof findSourcesTwice>[0][number];

const known = (server: string | undefined, database: string, address: string, oid = 20, cluster = '7'): Known => {
  const identity = { systemIdentifier: cluster, databaseOid: oid, address, startedAt: '2026-03-01T00:00:00Z' };
  return { database, on: { server }, health: { newest: { manifest: { identity } } } } as unknown as Known;
};

it('a database that two servers lead to is named under both names, by the identity and not by an address', () => {
  const found = findSourcesTwice([known('a', 'shop', 'db1:5432'), known('b', 'shop', '10.0.0.1:5432')]);
  expect(found).toEqual([
    {
      server: 'b',
      database: 'shop',
      text: 'b/shop and a/shop are one database, backed up under two names; take one of them out of TARGETS_FILE',
    },
  ]);
  expect(findSourcesTwice([known(undefined, 'shop', 'db:1'), known('b', 'shop', 'db:1')])[0]?.text).toMatch(
    /^b\/shop and shop/,
  );
});

it('two databases of one server, or of two servers that look alike, are not', () => {
  expect(findSourcesTwice([known('a', 'shop', 'db:1', 20), known('b', 'blog', 'db:1', 21)])).toEqual([]);
  expect(findSourcesTwice([known('a', 'shop', 'db:1', 20, '7'), known('b', 'shop', 'db:1', 20, '8')])).toEqual([]);
  expect(findSourcesTwice([known('a', 'shop', 'db:1'), known('a', 'shop', 'db:1')])).toEqual([]);
});
