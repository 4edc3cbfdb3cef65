import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { SourceIdentity } from '@pgstow/shared/contract/source-identity.ts';
import { describe, expect, it } from 'vitest';
import { applyDestinationRetention, type HeldDump } from './destination-policy.ts';

const NOW = new Date('2026-06-15T12:00:00Z');
const OURS: SourceIdentity = { address: 'db:5432', databaseOid: 1, startedAt: '2026-01-01T00:00:00.000Z' };
const THEIRS: SourceIdentity = { address: 'other:5432', databaseOid: 2, startedAt: '2026-01-02T00:00:00.000Z' };
const policy = {
  keepLast: 1,
  keepPeriods: { hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 },
  timeZone: 'UTC',
  isTested: false,
};

function heldAt(daysAgo: number, more: Partial<HeldDump['manifest']> = {}, isRecorded = false): HeldDump {
  const takenAt = new Date(NOW.getTime() - daysAgo * 86_400_000);
  return {
    manifest: {
      name: formatBackupName('shop', takenAt),
      takenAt: takenAt.toISOString(),
      recordedAt: takenAt.toISOString(),
      bytes: 9,
      sha256: 'a'.repeat(64),
      sqlBytes: 99,
      identity: OURS,
      ...more,
    },
    receipts: new Map(),
    restoreTests: new Map(),
    isRecorded,
  };
}
const rulesOf = (held: readonly HeldDump[], known: readonly HeldDump[] = held.slice(-1), damaged?: string) =>
  applyDestinationRetention(held, known, policy, NOW, damaged).verdicts.map((each) =>
    each.action === 'keep' ? each.rule : 'delete',
  );

describe('retention at a destination', () => {
  it('deletes what its own numbers release', () => {
    expect(rulesOf([heldAt(3), heldAt(2), heldAt(1)])).toEqual(['delete', 'delete', 'newest']);
  });

  it('neither deletes nor counts what is of another server, or does not say of which', () => {
    const foreign = heldAt(0.5, { identity: THEIRS });
    const unnamed = heldAt(0.6, { identity: undefined });
    const mine = heldAt(1);
    expect(rulesOf([heldAt(2), mine, unnamed, foreign], [mine])).toEqual(['delete', 'newest', 'foreign', 'foreign']);
    // A receipt of the very content says that it is ours.
    expect(rulesOf([heldAt(2, { identity: undefined }, true), mine], [mine])).toEqual(['delete', 'newest']);
  });

  it('takes a source that a person accepted in place of an earlier one for ours', () => {
    const moved = heldAt(1, { identity: THEIRS, formerSources: [OURS] });
    expect(rulesOf([heldAt(3), heldAt(2), moved], [moved])).toEqual(['delete', 'delete', 'newest']);
  });

  it('deletes nothing while the folder knows no dump that says whose they are', () => {
    expect(rulesOf([heldAt(3), heldAt(2), heldAt(1)], [])).toEqual(['foreign', 'foreign', 'foreign']);
  });

  it('is frozen by a doubt in the folder, also of a dump that is not there yet', () => {
    const held = [heldAt(3), heldAt(2)];
    const suspect = heldAt(1, { suspect: { percent: 1, usualSqlBytes: 9900 } });
    expect(rulesOf(held, [heldAt(2), suspect])).toEqual(['frozen', 'newest']);
    expect(rulesOf(held, held, 'x.manifest.json')).toEqual(['frozen', 'newest']);
    expect(rulesOf(held, [heldAt(2), heldAt(-2)])).toEqual(['frozen', 'newest']);
  });

  it('keeps what another place needs', () => {
    expect(rulesOf([{ ...heldAt(3), neededBy: 'the folder needs it' }, heldAt(2)])).toEqual(['needed', 'newest']);
  });
});
