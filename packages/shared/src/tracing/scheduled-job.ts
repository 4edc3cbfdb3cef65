import type { Job } from 'bullmq';

/** When a job that a schedule made was due: its id ends with it. `undefined` for any other job. */
export function dueTime({ repeatJobKey, id }: Pick<Job<unknown, unknown>, 'repeatJobKey' | 'id'>): Date | undefined {
  const due = repeatJobKey === undefined ? undefined : /:(\d+)$/.exec(id ?? '')?.[1];
  return due === undefined ? undefined : new Date(Number(due));
}
