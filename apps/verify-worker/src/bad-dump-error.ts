/** A dump is not what its manifest says, or does not restore. */
export class BadDumpError extends Error {
  override readonly name = 'BadDumpError';
  /** A remedy besides a new dump. */
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}
