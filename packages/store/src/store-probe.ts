/** What a trial of a store found out: one step of it. */
export type ProbeFinding = {
  readonly step:
    | 'put'
    | 'look'
    | 'read'
    | 'confirm'
    | 'conditional'
    | 'list'
    | 'multipart'
    | 'open-uploads'
    | 'delete'
    | 'clock'
    | 'versioning'
    | 'lifecycle';
  readonly status: 'ok' | 'warning' | 'fault' | 'skipped';
  readonly message: string;
  readonly hint?: string | undefined;
  /** Of the step `clock`: how far the store's clock is ahead of ours. */
  readonly skewMs?: number;
};

/** Keys that begin so are a trial's. Nobody takes them for a dump's. */
export const PROBE_NAME = 'pgstow-doctor-';
