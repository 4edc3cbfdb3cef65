import type { Alarms } from '@pgstow/notify/alarms/alarms.ts';

/** Raises or lifts the alarm of TARGETS_FILE. @param fault why it has not taken effect; `undefined`: it has */
export function updateTargetsAlarm(
  alarms: Pick<Alarms, 'raise' | 'lift'>,
  site: string,
  fault: string | undefined,
): void {
  if (fault === undefined) {
    alarms.lift('targets-faulty', site, { at: new Date(), happened: 'It has taken effect.' });
    return;
  }
  const safe = 'all backups; the servers that it named before go on.';
  alarms.raise({ kind: 'targets-faulty', database: site, reason: fault, safe });
}
