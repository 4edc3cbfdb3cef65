import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { describe, expect, it } from 'vitest';
import { updateStaleAlarm, type Freshness } from './stale-alarm.ts';

const start = new Date('2026-11-26T00:00:00Z');
const name = formatBackupName('shop', start);

function toldAt(
  minutes: number,
  { staleReason, newest }: Pick<Freshness, 'staleReason' | 'newest'>,
): readonly string[] {
  const told: string[] = [];
  const alarms = {
    raise: ({ kind, reason }: { kind: string; reason: string }) => void told.push(`raise ${kind}: ${reason}`),
    lift: (kind: string, database: string) => void told.push(`lift ${kind} ${database}`),
  };
  const now = new Date(start.getTime() + minutes * 60_000);
  updateStaleAlarm(alarms, { database: 'shop', staleReason, newest, safe: 'no backup of it.' }, start, now);
  return told;
}

describe('the alarm of a backup that is missing', () => {
  it('is raised while there is none in time, and lifted once there is', () => {
    expect(toldAt(1, { staleReason: 'it is 9 days old', newest: name })).toEqual(['raise stale: it is 9 days old']);
    expect(toldAt(1, { staleReason: undefined, newest: name })).toEqual(['lift stale shop']);
  });

  it('leaves a database that was just added an hour for its first', () => {
    const never = { staleReason: 'it has never been backed up', newest: undefined };
    expect(toldAt(59, never)).toEqual([]);
    expect(toldAt(60, never)).toEqual(['raise stale: it has never been backed up']);
  });
});
