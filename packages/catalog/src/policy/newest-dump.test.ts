import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { describe, expect, it } from 'vitest';
import { newestByNow, newestUntil, warnOfPassedOver } from './newest-dump.ts';

const now = new Date('2026-11-10T12:00:00Z');
const at = (name: string, takenAt: string) => ({ manifest: { name: name as BackupName, takenAt } });
const old = at('old', '2026-11-08T03:00:00Z');
const recent = at('recent', '2026-11-10T12:00:00Z');
const ahead = at('ahead', '2026-11-10T12:00:01Z');
const farAhead = at('far ahead', '2027-01-01T00:00:00Z');

describe('the newest dump', () => {
  it('is the last one that is not from the future', () => {
    expect(newestByNow([old, recent, ahead, farAhead], now)).toBe(recent);
    expect(newestByNow([old, recent], now)).toBe(recent);
  });

  it('is one from the future where there is no other', () => {
    expect(newestByNow([ahead, farAhead], now)).toBe(farAhead);
    expect(newestUntil([ahead, farAhead], now)).toBeUndefined();
  });

  it('is chosen with a warning where one is passed over', () => {
    expect(warnOfPassedOver([old, recent, ahead, farAhead], now)).toBe(
      'far ahead lies in the future and is passed over for recent: a clock is wrong, or was',
    );
    for (const dumps of [[old, recent], [farAhead], []]) expect(warnOfPassedOver(dumps, now)).toBeUndefined();
  });

  it('is none where there is none', () => {
    expect(newestByNow([], now)).toBeUndefined();
  });
});
