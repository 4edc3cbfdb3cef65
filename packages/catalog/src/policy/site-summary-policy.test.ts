import type { SiteSummary } from '@pgstow/shared/contract/site-summary.ts';
import { expect, test } from 'vitest';
import { judgeSiteSummary, SILENT_AFTER_MS } from './site-summary-policy.ts';

const well: SiteSummary = {
  version: 1,
  writtenAt: '2026-03-10T12:00:00.000Z',
  pgstow: '0.2.0',
  databases: { total: 2, protected: 1, notYet: 1, notProtected: 0 },
  notProtected: [],
  faults: [],
  alarms: 0,
};
const judge = (more: Partial<SiteSummary>, writtenMsAgo = 60_000) =>
  judgeSiteSummary({ site: 'vienna', summary: { ...well, ...more }, writtenMsAgo });

test('a site is healthy while its scheduler says so', () => {
  expect(judge({})).toEqual({ isHealthy: true, reasons: [], silence: undefined });
  expect(judge({}, SILENT_AFTER_MS).isHealthy).toBe(true);
});

test('a site that is silent is not healthy, whatever it said last', () => {
  expect(judge({}, 3 * 60 * 60_000)).toEqual({
    isHealthy: false,
    reasons: ['its scheduler was last heard of 3h ago'],
    silence: 'its scheduler was last heard of 3h ago',
  });
});

test('a site says why it is not healthy, and how many more of its databases are not', () => {
  const { isHealthy, reasons } = judge({
    databases: { total: 9, protected: 0, notYet: 0, notProtected: 9 },
    notProtected: [{ database: 'shop', reasons: ['no backup is known'] }],
    faults: ['no dump worker is connected'],
  });
  expect(isHealthy).toBe(false);
  expect(reasons).toEqual([
    'no dump worker is connected',
    'shop: no backup is known',
    'and 8 more of its databases are not protected',
  ]);
});

test('a summary that cannot be read is no good news', () => {
  expect(judgeSiteSummary({ site: 'x', fault: 'its summary is of another version of pgstow' }).isHealthy).toBe(false);
});
