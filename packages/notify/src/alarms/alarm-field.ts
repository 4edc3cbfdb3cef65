import { DESTINATION_NAMES } from '@pgstow/shared/config/subjects/destinations.ts';
import type { AlarmRecord } from './alarm-record.ts';

/** The facts that tell one alarm of a site from another. */
export type AlarmKey = Pick<AlarmRecord, 'kind' | 'server' | 'database' | 'destination'>;

/** The one place of an alarm among those of its site. A kind has neither `@` nor `/`, and a server has no `/`. */
export function alarmField({ kind, server, database, destination }: AlarmKey): string {
  const about = destination === undefined ? kind : `${kind}/${destination}`;
  return server === undefined ? `${about}:${database}` : `${about}@${server}:${database}`;
}

/** An alarm about the bucket of `S3_BUCKET` names no destination: it was the only one once, and such an alarm may stand. */
export function alarmDestination(destination: string | undefined): string | undefined {
  return destination === DESTINATION_NAMES.s3 ? undefined : destination;
}
