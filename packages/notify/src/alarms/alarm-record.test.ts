import { describe, expect, it } from 'vitest';
import { alarmRecordSchema, decideLift, decideRaise, decideRetell, type AlarmRecord } from './alarm-record.ts';

const now = Date.parse('2026-11-26T03:00:00Z');
const MONTH_MS = 30 * 86_400_000;
const recordAt = (ms: number, changes: Partial<AlarmRecord> = {}): AlarmRecord => ({
  version: 1,
  kind: 'stale',
  database: 'shop',
  raisedAt: new Date(ms).toISOString(),
  sinceMs: ms,
  isTold: true,
  tellingUntilMs: 0,
  notification: {
    event: 'raised',
    severity: 'error',
    kind: 'stale',
    site: 'default',
    database: 'shop',
    name: undefined,
    title: 'shop is not backed up as it should be',
    happened: 'it has never been backed up',
    safe: 'no backup of it.',
    hint: 'See pgstow status.',
    at: new Date(ms).toISOString(),
  },
  ...changes,
});

describe('an alarm that a clock has dated from the future', () => {
  // As the version before wrote it.
  const ahead = alarmRecordSchema.parse(JSON.parse(JSON.stringify(recordAt(now + MONTH_MS))));

  it('is ended by whatever ends it now', () => {
    expect(decideLift(ahead, new Date(now), now)).toEqual({ record: undefined, tell: true });
    expect(decideLift(ahead, new Date(now - 1000), now)).toEqual({ record: undefined, tell: true });
  });

  it('is from now once it is raised again, so that what is newer ends it and what is older does not', () => {
    const raised = decideRaise(ahead, recordAt(now, { isTold: false }), now);
    expect(raised).toMatchObject({ tell: false, record: { sinceMs: now, raisedAt: new Date(now).toISOString() } });
    expect(decideLift(raised?.record, new Date(now - 1), now + 1000)).toBeUndefined();
    expect(decideLift(raised?.record, new Date(now + 1), now + 1000)).toEqual({ record: undefined, tell: true });
  });

  it('is from now where it is raised by a dump that claims to be, known or not', () => {
    const claimed = recordAt(now + MONTH_MS, { isTold: false, raisedAt: new Date(now).toISOString() });
    expect(decideRaise(undefined, claimed, now)).toMatchObject({ tell: true, record: { sinceMs: now } });
    expect(decideRaise(recordAt(now - 1000), claimed, now)).toMatchObject({ tell: false, record: { sinceMs: now } });
  });

  it('is told, though somebody was about to tell it then', () => {
    const untold = recordAt(now + MONTH_MS, { isTold: false, tellingUntilMs: now + MONTH_MS + 60_000 });
    expect(decideRetell(untold, now)).toMatchObject({ tell: true, record: { tellingUntilMs: now + 60_000 } });
    expect(decideRaise(untold, recordAt(now, { isTold: false }), now)).toMatchObject({ tell: true });
    expect(decideLift(untold, new Date(now), now)).toEqual({ record: undefined, tell: false });
    // Within a minute somebody is.
    const telling = recordAt(now, { isTold: false, tellingUntilMs: now + 60_000 });
    expect(decideRetell(telling, now)).toBeUndefined();
    expect(decideLift(telling, new Date(now), now)).toEqual({ record: undefined, tell: true });
  });
});
