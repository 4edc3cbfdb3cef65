/** A place that dumps are copied to: a bucket and a prefix. If any of it changes, older receipts no longer confirm anything. */
export type Destination = {
  readonly name: string;
  /** `undefined` for AWS itself. */
  readonly endpoint?: string | undefined;
  readonly bucket: string;
  /** Stands before every key as it is; empty for none. */
  readonly prefix: string;
};
