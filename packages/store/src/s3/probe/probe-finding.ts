/** What one step of a trial of a store found. */
export type ProbeFinding =
  | {
      readonly step:
        | 'put'
        | 'look'
        | 'read'
        | 'confirm'
        | 'conditional'
        | 'list'
        | 'multipart'
        | 'open-uploads'
        | 'storage-class'
        | 'delete'
        | 'versioning'
        | 'lifecycle';
      readonly status: 'ok' | 'warning' | 'fault' | 'skipped';
      readonly message: string;
      /** What to do, in full sentences. */
      readonly hint?: string | undefined;
    }
  /** How far the store's clock is ahead of ours. */
  | { readonly step: 'clock'; readonly skewMs: number };

/** Keys that begin so, after the prefix, are a trial's. Nobody takes them for a dump's. */
export const PROBE_NAME = 'pgstow-doctor-';
