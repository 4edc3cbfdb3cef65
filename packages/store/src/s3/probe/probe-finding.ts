/** The finding of one step of a store's trial. */
export type ProbeFinding =
  | (Found & {
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
    })
  /** How far the store's clock is ahead of ours. */
  | { readonly step: 'clock'; readonly skewMs: number };

/** A finding of any step. */
export type Found = {
  readonly status: 'ok' | 'warning' | 'fault' | 'skipped';
  readonly message: string;
  /** The remedy, in full sentences. */
  readonly hint?: string | undefined;
};
