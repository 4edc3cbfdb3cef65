import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { expect, it } from 'vitest';
import { describeAlarm, type Alarm, type Recovery } from './alarm-notification.ts';
import { liftSuspect, raiseSuspect, type Plausibility } from './suspect-alarm.ts';

const takenAt = new Date('2026-11-26T03:00:00Z');
const name = formatBackupName('my shop', takenAt);
const why = 'it has 900 B of SQL, 1 % of what the last good ones had';

function tell(newest: Plausibility) {
  const raised: Alarm[] = [];
  const lifted: (Recovery & { readonly kind: string; readonly database: string })[] = [];
  raiseSuspect({ raise: (alarm) => void raised.push(alarm) }, newest, 'the one before.');
  liftSuspect({ lift: (kind, database, recovery) => void lifted.push({ kind, database, ...recovery }) }, newest);
  return { raised, lifted };
}

it('a suspect dump raises an alarm that says what happened, what is safe and what to do', () => {
  const { raised, lifted } = tell({ name, suspect: why, isAccepted: false });
  expect(lifted).toEqual([]);
  expect(raised).toEqual([
    { kind: 'dump-suspect', database: 'my shop', name, reason: why, safe: 'the one before.', since: takenAt },
  ]);
  expect(describeAlarm(raised[0]!, 'default', takenAt)).toMatchObject({
    severity: 'error',
    title: 'A dump of "my shop" is SUSPECT',
    happened: `${name} is kept, but does not count as a backup: ${why}. Nothing of "my shop" is deleted meanwhile.`,
    safe: 'the one before.',
    hint: expect.stringContaining(`pgstow accept ${name}`),
  });
});

it.each([
  [true, `${name} was accepted: it counts.`],
  [false, `${name} was taken, and is not suspect.`],
])('one that is not, accepted: %s, ends it', (isAccepted, happened) => {
  expect(tell({ name, suspect: undefined, isAccepted })).toEqual({
    raised: [],
    lifted: [{ kind: 'dump-suspect', database: 'my shop', at: takenAt, name, happened }],
  });
});
