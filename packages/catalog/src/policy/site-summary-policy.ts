import type { KnownSite } from '@pgstow/shared/contract/site-summary.ts';
import { formatTarget } from '@pgstow/shared/contract/target.ts';
import { describeDuration } from './describe-duration.ts';

export type SiteHealth = {
  readonly isHealthy: boolean;
  /** Why it is not, a sentence each. */
  readonly reasons: readonly string[];
  /** The one of these that says that its scheduler is silent; `undefined` if it is not. */
  readonly silence?: string | undefined;
};

/** A scheduler writes each minute. */
export const SILENT_AFTER_MS = 5 * 60_000;

/** Judges a site by its summary. What an old summary says of databases is no longer known to be true, and stands all the same. */
export function judgeSiteSummary(known: KnownSite): SiteHealth {
  if ('fault' in known) return { isHealthy: false, reasons: [known.fault] };
  const { summary, writtenMsAgo } = known;
  const { databases, notProtected, faults } = summary;
  const untold = databases.notProtected - notProtected.length;
  const silence =
    writtenMsAgo <= SILENT_AFTER_MS
      ? undefined
      : `its scheduler was last heard of ${describeDuration(writtenMsAgo)} ago`;
  const reasons = [
    ...(silence === undefined ? [] : [silence]),
    ...faults,
    ...notProtected.flatMap((each) => each.reasons.map((reason) => `${formatTarget(each)}: ${reason}`)),
    ...(untold > 0 ? [`and ${untold} more of its databases are not protected`] : []),
  ];
  return { isHealthy: reasons.length === 0, reasons, silence };
}
