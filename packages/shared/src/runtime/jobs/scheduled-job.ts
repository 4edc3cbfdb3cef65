import type { Job } from 'bullmq';

/** The time at which a scheduled job was due, which ends its id; `undefined` for any other job. */
export function dueTime({ repeatJobKey, id }: Pick<Job<unknown, unknown>, 'repeatJobKey' | 'id'>): Date | undefined {
  const due = repeatJobKey === undefined ? undefined : /:(\d+)$/.exec(id ?? '')?.[1];
  return due === undefined ? undefined : new Date(Number(due));
}
