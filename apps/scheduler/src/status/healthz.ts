import { formatTarget } from '@pgstow/shared/contract/target.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { DatabaseStatus, Protection } from '../site/protection-policy.ts';
import { readSiteStatus } from '../site/read-site-status.ts';
import type { Site } from '../site/site.ts';

export type HealthAnswer = {
  readonly status: 'ok' | 'unavailable';
  /** Why it is not ok, a sentence each. */
  readonly reasons: readonly string[];
  /** Counts of databases, by their protection. Missing while Redis does not answer. */
  readonly databases?: Readonly<Record<'total' | 'protected' | 'notYet' | 'notProtected', number>>;
  /** Each database by name, for those who know the password. */
  readonly details?: readonly (Pick<DatabaseStatus, 'database' | 'protection' | 'reasons'> & {
    readonly server?: string;
  })[];
};

/**
 * Judges whether backups are made and proven as they should be: every database's newest confirmed backup is new enough for its
 * schedule, Redis answers and holds the schedules, no queue is paused, and workers of each kind are connected.
 *
 * @param mayKnowNames whether the answer may name databases and dumps; without it, the answer may be public
 */
export async function checkHealth(site: Site, mayKnowNames: boolean): Promise<HealthAnswer> {
  try {
    const { databases, faults, namedFaults } = await readSiteStatus(site);
    const ill = databases.filter(({ protection }) => protection === 'no');
    const reasons = [
      ...faults,
      ...(mayKnowNames ? namedFaults : describeHidden(namedFaults)),
      ...(mayKnowNames
        ? ill.flatMap(({ on, database, reasons }) =>
            reasons.map((reason) => `${formatTarget({ server: on.server, database })}: ${reason}`),
          )
        : ill.length === 0
          ? []
          : [`${ill.length} of ${databases.length} databases ${ill.length === 1 ? 'is' : 'are'} not protected`]),
    ];
    const count = (wanted: Protection): number => databases.filter(({ protection }) => protection === wanted).length;
    return {
      status: reasons.length === 0 ? 'ok' : 'unavailable',
      reasons,
      databases: {
        total: databases.length,
        protected: count('yes'),
        notYet: count('not-yet'),
        notProtected: count('no'),
      },
      ...(mayKnowNames
        ? {
            details: databases.map(({ on, database, protection, reasons }) => ({
              ...(on.server === undefined ? {} : { server: on.server }),
              database,
              protection,
              reasons,
            })),
          }
        : {}),
    };
  } catch (error) {
    return { status: 'unavailable', reasons: [describeError(error)] };
  }
}

function describeHidden(faults: readonly string[]): readonly string[] {
  if (faults.length === 0) return [];
  return [`there are ${faults.length} faults of servers; with the password, they are named`];
}
