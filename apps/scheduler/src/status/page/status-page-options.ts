import type { AlarmRecord } from '@pgstow/notify/alarms/alarm-record.ts';
import type { DestinationPlace } from '@pgstow/shared/contract/receipt.ts';
import type { SiteStatus } from '../../site/protection-policy.ts';
import type { ShownJob } from '../../site/read-jobs.ts';
import type { SiteFacts } from '../../site/read-site.ts';

/** What came of a form that was sent. */
export type Said = {
  readonly isRefusal: boolean;
  readonly text: string;
  readonly job?: Pick<ShownJob, 'queue' | 'id'>;
};

export type StatusPageOptions = {
  readonly site: string;
  /** What browsers see before the page's own path: empty, or without a slash at the end. */
  readonly publicPath: string;
  readonly destination: DestinationPlace | undefined;
  readonly facts: SiteFacts;
  readonly status: SiteStatus;
  /** Those that stand, the oldest first. */
  readonly alarms: readonly AlarmRecord[];
  readonly jobs: readonly ShownJob[];
  readonly said: Said | undefined;
  /** Of the forms. */
  readonly token: string;
  readonly version: string;
};
