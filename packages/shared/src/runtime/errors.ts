export type FaultOptions = {
  /** A full sentence that tells the operator what to do. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
};

/** Something went wrong that another attempt may mend; the queue makes it. */
export class RetryableError extends Error {
  override readonly name: string = 'RetryableError';
  readonly hint: string | undefined;

  constructor(message: string, { hint, cause }: FaultOptions = {}) {
    super(message, { cause });
    this.hint = hint;
  }
}

/** Another attempt would fail in the same way until a person mends something: the job stops at once. */
export class PermanentError extends Error {
  override readonly name: string = 'PermanentError';
  readonly hint: string | undefined;

  constructor(message: string, { hint, cause }: FaultOptions = {}) {
    super(message, { cause });
    this.hint = hint;
  }
}

/** Somebody else is at it: the job waits in its queue and no attempt is used up. */
export class BusyError extends Error {
  override readonly name = 'BusyError';
  readonly retryInMs: number;

  constructor(message: string, retryInMs: number) {
    super(message);
    this.retryInMs = retryInMs;
  }
}

/** What an operator is to read: the message and, on a line of its own, the hint. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const hint = 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined;
  // Some errors of Node (a refused connection to several addresses) have an empty message and say all in their code.
  const message = error.message || ('code' in error ? String(error.code) : error.name);
  return hint === undefined ? message : `${message}\nhint: ${hint}`;
}
