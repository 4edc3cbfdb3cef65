export type FaultOptions = {
  /** A full sentence that says what an operator is to do. */
  readonly hint?: string | undefined;
  /** A value that another process reads, as JSON. It is kept with the job, and never shown as it is. */
  readonly facts?: unknown;
  readonly cause?: unknown;
};

class Fault extends Error {
  readonly hint: string | undefined;
  readonly facts: unknown;

  constructor(message: string, { hint, facts, cause }: FaultOptions = {}) {
    super(message, { cause });
    this.hint = hint;
    this.facts = facts;
  }
}

/** Something went wrong that another attempt may mend; the queue makes it. */
export class RetryableError extends Fault {
  override readonly name: string = 'RetryableError';
}

/** Another attempt would fail in the same way until a person mends something: the job stops at once. */
export class PermanentError extends Fault {
  override readonly name: string = 'PermanentError';
}

/** Another worker is at it: the job waits in its queue and uses up no attempt. */
export class BusyError extends Error {
  override readonly name = 'BusyError';
  readonly retryInMs: number;
  /** Whether many jobs do so all the time, which is worth no line of the log. */
  readonly isUsual: boolean;

  constructor(message: string, retryInMs: number, { isUsual = false } = {}) {
    super(message);
    this.retryInMs = retryInMs;
    this.isUsual = isUsual;
  }
}

/** Reads what went wrong and, if the error says so, what to do. */
export function readFault(error: unknown): { readonly reason: string; readonly hint: string | undefined } {
  if (!(error instanceof Error)) return { reason: String(error), hint: undefined };
  const hint = 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined;
  // Some errors of Node (a refused connection to several addresses) have an empty message and say all in their code.
  return { reason: error.message || ('code' in error ? String(error.code) : error.name), hint };
}

/** Describes an error for an operator: the reason and, on a line of its own, the hint. */
export function describeError(error: unknown): string {
  return describeFault(readFault(error));
}

export function describeFault({
  reason,
  hint,
}: {
  readonly reason: string;
  readonly hint?: string | undefined;
}): string {
  return hint === undefined ? reason : `${reason}\nhint: ${hint}`;
}
