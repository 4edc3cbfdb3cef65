import type { AlarmRecord } from './alarm-record.ts';

/** The one place of an alarm among those of its site. A kind has no `@`. */
export function alarmField({ kind, server, database }: Pick<AlarmRecord, 'kind' | 'server' | 'database'>): string {
  return server === undefined ? `${kind}:${database}` : `${kind}@${server}:${database}`;
}
