import type { Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import type { VerifyConfig } from '@pgstow/shared/config/subjects/verify.ts';
import { isScheduleId, isVerifyScheduleId, scheduleId, verifyScheduleId } from '@pgstow/shared/contract/jobs.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { enqueueDump, plannedJobOptions, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { WantedEntries } from './reconcile-schedules.ts';
import type { EntryNames } from './schedule-plan.ts';

type Wanted = Pick<WantedEntries, 'targets' | 'readTargets' | 'log'> & { readonly server?: string | undefined };

/** The part of a job's data that names its server. */
const ofServer = (server: string | undefined) => (server === undefined ? {} : { server });

/** Entries for a dump of each target of a server. @param options.queue of that server */
export function wantDumps({
  queue,
  server,
  ...wanted
}: Wanted & { readonly queue: OpenQueue<'dump'>; readonly schedule: Schedule }): WantedEntries {
  return {
    ...wanted,
    queue,
    names: { server, idOf: (target) => scheduleId(target, server), isOurs: (id) => isScheduleId(id, server) },
    templateOf: (target) => ({
      name: 'scheduled',
      data: { ...ofServer(server), target },
      opts: plannedJobOptions.dump,
    }),
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
  server,
  schedule,
  places: [first = LOCAL, ...others],
  ...wanted
}: Wanted & {
  readonly queue: OpenQueue<'verify'>;
  readonly schedule: VerifyConfig['schedule'];
  readonly places: readonly string[];
}): readonly WantedEntries[] {
  const entriesOf = (destination: string, names: Omit<EntryNames, 'server'>): WantedEntries => ({
    ...wanted,
    ...(schedule.kind === 'cron'
      ? { schedule }
      : { targets: [], readTargets: undefined, schedule: { kind: 'interval', everyMs: 1 } }),
    queue,
    names: { server, ...names },
    templateOf: (target) => ({
      name: 'scheduled',
      data: { ...ofServer(server), target, destination },
      opts: plannedJobOptions.verify,
    }),
    addOneOff: async () => undefined,
  });
  return [
    entriesOf(first, {
      idOf: (target) => verifyScheduleId(target, server),
      isOurs: (id) => isVerifyScheduleId(id, server) && !others.some((place) => isVerifyScheduleId(id, server, place)),
    }),
    ...others.map((place) =>
      entriesOf(place, {
        idOf: (target) => verifyScheduleId(target, server, place),
        isOurs: (id) => isVerifyScheduleId(id, server, place),
      }),
    ),
  ];
}
