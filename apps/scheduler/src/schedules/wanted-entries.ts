import type { Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import type { VerifyConfig } from '@pgstow/shared/config/subjects/verify.ts';
import { isScheduleId, isVerifyScheduleId, scheduleId, verifyScheduleId } from '@pgstow/shared/contract/jobs.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { enqueueDump, plannedJobOptions, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { WantedEntries } from './reconcile-schedules.ts';
import type { EntryNames } from './schedule-plan.ts';

type Wanted = Pick<WantedEntries, 'targets' | 'readTargets' | 'log'>;

/** Entries for a dump of each target. */
export function wantDumps({
  queue,
  ...wanted
}: Wanted & { readonly queue: OpenQueue<'dump'>; readonly schedule: Schedule }): WantedEntries {
  return {
    ...wanted,
    queue,
    names: { idOf: (target) => scheduleId(target), isOurs: isScheduleId },
    templateOf: (target) => ({ name: 'scheduled', data: { target }, opts: plannedJobOptions.dump }),
    addOneOff: (target, { name, jobId }) => enqueueDump(queue, target, name, { jobId }),
  };
}

/**
 * Entries for a restore test of each target's newest dump at each place, if restore tests have their own schedule; otherwise none.
 * A test that was missed while all was down is not made up for: the next one finds the same.
 *
 * @param options.places whose copies are tested. The first one's entries bear no place, and it clears away those of others
 */
export function wantRestoreTests({
  queue,
  schedule,
  places: [first = LOCAL, ...others],
  ...wanted
}: Wanted & {
  readonly queue: OpenQueue<'verify'>;
  readonly schedule: VerifyConfig['schedule'];
  readonly places: readonly string[];
}): readonly WantedEntries[] {
  const entriesOf = (destination: string, names: EntryNames): WantedEntries => ({
    ...wanted,
    ...(schedule.kind === 'cron'
      ? { schedule }
      : { targets: [], readTargets: undefined, schedule: { kind: 'interval', everyMs: 1 } }),
    queue,
    names,
    templateOf: (target) => ({ name: 'scheduled', data: { target, destination }, opts: plannedJobOptions.verify }),
    addOneOff: async () => undefined,
  });
  return [
    entriesOf(first, {
      idOf: (target) => verifyScheduleId(target),
      isOurs: (id) => isVerifyScheduleId(id) && !others.some((place) => isVerifyScheduleId(id, place)),
    }),
    ...others.map((place) =>
      entriesOf(place, {
        idOf: (target) => verifyScheduleId(target, undefined, place),
        isOurs: (id) => isVerifyScheduleId(id, place),
      }),
    ),
  ];
}
