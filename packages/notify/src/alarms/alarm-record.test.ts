import { describe, expect, it } from 'vitest';
import { alarmRecordSchema, decideLift, decideRaise, decideResend, type AlarmRecord } from './alarm-record.ts';

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
  // As an earlier version wrote it.
  const ahead = alarmRecordSchema.parse(JSON.parse(JSON.stringify(recordAt(now + MONTH_MS))));

  it('ends with any event now', () => {
    expect(decideLift(ahead, new Date(now), now)).toEqual({ record: undefined, isToSend: true });
    expect(decideLift(ahead, new Date(now - 1000), now)).toEqual({ record: undefined, isToSend: true });
  });

  it('is from now once it is raised again, so that only a newer event ends it', () => {
    const raised = decideRaise(ahead, recordAt(now, { isTold: false }), now);
    expect(raised).toMatchObject({ isToSend: false, record: { sinceMs: now, raisedAt: new Date(now).toISOString() } });
    expect(decideLift(raised?.record, new Date(now - 1), now + 1000)).toBeUndefined();
    expect(decideLift(raised?.record, new Date(now + 1), now + 1000)).toEqual({ record: undefined, isToSend: true });
  });

  it('is from now if a dump from the future raises it, known or not', () => {
    const claimed = recordAt(now + MONTH_MS, { isTold: false, raisedAt: new Date(now).toISOString() });
    expect(decideRaise(undefined, claimed, now)).toMatchObject({ isToSend: true, record: { sinceMs: now } });
    expect(decideRaise(recordAt(now - 1000), claimed, now)).toMatchObject({
      isToSend: false,
      record: { sinceMs: now },
    });
  });

  it('is sent, though a process was sending it then', () => {
    const untold = recordAt(now + MONTH_MS, { isTold: false, tellingUntilMs: now + MONTH_MS + 60_000 });
    expect(decideResend(untold, now)).toMatchObject({ isToSend: true, record: { tellingUntilMs: now + 60_000 } });
    expect(decideRaise(untold, recordAt(now, { isTold: false }), now)).toMatchObject({ isToSend: true });
    expect(decideLift(untold, new Date(now), now)).toEqual({ record: undefined, isToSend: false });
    // Within a minute a process is.
    const sending = recordAt(now, { isTold: false, tellingUntilMs: now + 60_000 });
    expect(decideResend(sending, now)).toBeUndefined();
    expect(decideLift(sending, new Date(now), now)).toEqual({ record: undefined, isToSend: true });
  });
});
