import type { AlarmRecord } from '@pgstow/notify/alarms/alarm-record.ts';
import type { Target } from '@pgstow/shared/contract/target.ts';
import type { ShownJob } from '../../site/read-jobs.ts';
import type { SiteStatus } from '../../site/site-status.ts';

/** The page's answer to the form that was sent last. */
export type Said = {
  readonly isRefusal: boolean;
  readonly text: string;
  readonly job?: Pick<ShownJob, 'queue' | 'id'> | undefined;
};

/** What a person looks at: one database, or all of them, from one on in their order on the page. */
export type View = Target | { readonly from: number };

export type StatusPageOptions = {
  readonly view: View;
  readonly site: string;
  /** The path that browsers see before the page's own; empty, or without a slash at its end. */
  readonly publicPath: string;
  readonly status: SiteStatus;
  /** The standing alarms, oldest first. */
  readonly alarms: readonly AlarmRecord[];
  readonly jobs: readonly ShownJob[];
  readonly said: Said | undefined;
  /** Proves that a form came from this page. */
  readonly token: string;
  readonly version: string;
  /** Whether this Redis serves other sites, too. */
  readonly hasOtherSites: boolean;
};
