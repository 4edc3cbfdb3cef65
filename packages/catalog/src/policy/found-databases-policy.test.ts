import type { FoundDatabases } from '@pgstow/shared/contract/found-databases.ts';
import { describe, expect, it } from 'vitest';
import { judgeFound, type ServerDatabases } from './found-databases-policy.ts';

const DAY_1 = '2026-01-01T03:00:00.000Z';
const DAY_2 = '2026-01-02T03:00:00.000Z';

type Oids = Readonly<Record<string, number>>;

const looked = (at: string, oids: Oids, systemIdentifier: string | null = '7'): ServerDatabases => ({
  at: new Date(at),
  systemIdentifier: systemIdentifier ?? undefined,
  databases: Object.entries(oids).map(([database, oid]) => ({ database, oid })),
});
const dumped = (...databases: string[]) =>
  databases.map((database) => ({ database, firstTakenAt: DAY_1, lastTakenAt: DAY_1 }));
const judge = (
  before: FoundDatabases | undefined,
  server: ServerDatabases,
  backedUp: readonly string[] = Object.keys(
    Object.fromEntries(before?.databases.map((each) => [each.database, 1]) ?? []),
  ),
) => judgeFound(before, server, { isAsked: (name) => name !== 'postgres', backedUp: dumped(...backedUp) });
const first = (oids: Oids, identifier: string | null = '7') => judge(undefined, looked(DAY_1, oids, identifier)).found;
const gone = ({ found }: { found: FoundDatabases }) =>
  found.databases.filter(({ goneSince }) => goneSince !== undefined);

describe('the databases of a server', () => {
  it('are all remembered, with the time since when', () => {
    expect(first({ shop: 20, postgres: 5 })).toEqual({
      version: 1,
      lookedAt: DAY_1,
      systemIdentifier: '7',
      databases: [
        { database: 'postgres', oid: 5, firstSeenAt: DAY_1, lastSeenAt: DAY_1 },
        { database: 'shop', oid: 20, firstSeenAt: DAY_1, lastSeenAt: DAY_1 },
      ],
    });
  });

  it('are told when one is new, gone, or back', () => {
    const second = judge(first({ shop: 20 }), looked(DAY_2, { shop: 20, stock: 21, postgres: 5 }));
    expect(second.news).toEqual(['"stock" is new']);
    const third = judge(second.found, looked('2026-01-03T03:00:00.000Z', { stock: 21 }));
    expect(third.news).toEqual(['"shop" is gone from the server; its backups stay']);
    expect(gone(third)).toMatchObject([{ database: 'postgres' }, { database: 'shop', lastSeenAt: DAY_2 }]);
    const fourth = judge(third.found, looked('2026-01-04T03:00:00.000Z', { stock: 21, shop: 30 }));
    expect(fourth.news).toEqual(['"shop" is back']);
    expect(fourth.found.databases).toContainEqual(
      expect.objectContaining({ database: 'shop', oid: 30, firstSeenAt: DAY_1 }),
    );
  });

  it('keep the time since when one is gone, until its last backup is released', () => {
    const second = judge(first({ shop: 20, stock: 21 }), looked(DAY_2, { stock: 21 }));
    const third = judge(second.found, looked('2026-01-03T03:00:00.000Z', { stock: 21 }));
    expect(third.news).toEqual([]);
    expect(gone(third)).toMatchObject([{ database: 'shop', goneSince: DAY_2 }]);
    expect(
      judge(third.found, looked('2026-01-04T03:00:00.000Z', { stock: 21 }), ['stock']).found.databases,
    ).toHaveLength(1);
  });

  it('are known again by their oid under another name', () => {
    const renamed = judge(first({ shop: 20, stock: 21 }), looked(DAY_2, { store: 20, stock: 21 }));
    expect(renamed.news).toEqual(['"store" is new', '"shop" was renamed to "store"; its backups stay']);
    expect(gone(renamed)).toMatchObject([{ database: 'shop', renamedTo: 'store', goneSince: DAY_2 }]);
  });

  it('are not taken for renamed where names were only swapped', () => {
    expect(judge(first({ a: 20, b: 21 }), looked(DAY_2, { a: 21, b: 20 })).news).toEqual([]);
  });

  it('that were dumped before anything was found are gone as well', () => {
    const { found, news } = judge(undefined, looked(DAY_2, { stock: 21 }), ['shop', 'stock']);
    expect(gone({ found })).toEqual([{ database: 'shop', firstSeenAt: DAY_1, lastSeenAt: DAY_1, goneSince: DAY_2 }]);
    expect(news).toEqual(['"shop" is gone from the server; its backups stay']);
  });

  it('that another server lacks stay targets, and the old server stays the one to compare with', () => {
    const other = judge(first({ shop: 20, postgres: 5 }), looked(DAY_2, { postgres: 5 }, '8'));
    expect(other.doubt).toBe('it is another server (system identifier 8, not 7), and lacks "shop"');
    expect(gone(other)).toEqual([]);
    expect(other.found.systemIdentifier).toBe('7');
    expect(other.found.databases.map(({ database }) => database)).toEqual(['postgres', 'shop']);
    expect(judge(other.found, looked('2026-01-03T03:00:00.000Z', { postgres: 5 }, '8')).doubt).toBeDefined();
  });

  it('of another server that has them all are that server’s from now on', () => {
    const moved = judge(first({ shop: 20 }), looked(DAY_2, { shop: 99 }, '8'));
    expect(moved).toMatchObject({ doubt: undefined, news: [], found: { systemIdentifier: '8' } });
  });

  it('are in doubt where most are missing and nobody may read which server it is', () => {
    const before = first({ a: 20, b: 21, c: 22 }, null);
    expect(judge(before, looked(DAY_2, { a: 20, b: 21 }, null)).doubt).toBeUndefined();
    expect(judge(before, looked(DAY_2, { a: 20 }, null)).doubt).toMatch(/lacks "b", "c", and the role/);
  });

  it('a thousand of them take no time', () => {
    const oids = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`db_${index}`, 100 + index]));
    const renamed = Object.fromEntries(Object.entries(oids).map(([name, oid]) => [`${name}_new`, oid]));
    expect(judge(first(oids), looked(DAY_2, renamed)).found.databases).toHaveLength(2000);
  });
});
