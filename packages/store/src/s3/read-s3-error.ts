/** The facts of an error that the AWS SDK throws. */
export type S3ErrorFacts = {
  /** The store's own code, such as `NoSuchBucket`, or Node's, such as `ECONNRESET`. */
  readonly code: string | undefined;
  /** The HTTP status of the answer; `undefined` where there was none. */
  readonly status: number | undefined;
  /** A line for people, with the code once. */
  readonly text: string;
};

export function readS3Error(error: unknown): S3ErrorFacts {
  if (!(error instanceof Error)) return { code: undefined, status: undefined, text: String(error) };
  const facts = error as { $metadata?: { httpStatusCode?: number }; code?: unknown; Code?: unknown };
  const status = facts.$metadata?.httpStatusCode;
  // The SDK wraps some network errors.
  const wrapped = error instanceof AggregateError ? (error.errors[0] as unknown) : error.cause;
  const inner = wrapped instanceof Error && wrapped !== error ? wrapped : undefined;
  const ownCode = [facts.Code, facts.code].find((code) => typeof code === 'string') ?? namedCode(error);
  const code = ownCode ?? (inner && readS3Error(inner).code);
  const message =
    // The SDK's word for an answer without a message.
    firstLine(error.message.replace(/^(?:UnknownError|Unknown)$/, '')) ||
    firstLine(inner?.message ?? '') ||
    (ownCode === undefined ? error.name : '');
  const parts = [code !== undefined && message.includes(code) ? '' : code, message];
  return { code, status, text: parts.filter(Boolean).join(': ') || `status ${status ?? 'unknown'}` };
}

/** The SDK names an error of S3 by its code; JavaScript's own names say nothing here. */
function namedCode(error: Error): string | undefined {
  return /^(?:Error|TypeError|SyntaxError|RangeError|AggregateError|UnknownError|Unknown|\d+)$/.test(error.name)
    ? undefined
    : error.name;
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').trim();
}
