/** Exit codes of `pgstow`, for scripts and cron. A code never changes its meaning. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  bad: 4,
  couldNotTell: 5,
  notHealthy: 6,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Their meanings, for the help and the documentation. */
export const exitCodeMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: 'done',
  failed: 'failed, not all could be read, or doctor found a fault',
  usage: 'the command line or the configuration is at fault; nothing was done',
  refused: 'refused for safety; nothing was touched',
  bad: 'BAD: a backup, or what was restored from it, differs from its manifest',
  couldNotTell: 'could not tell whether a backup is good',
  notHealthy: 'status: a database is not healthy',
  interrupted: 'interrupted by Ctrl-C or SIGTERM',
};

/** Ends `pgstow` with an exit code. */
export class ExitError extends Error {
  override readonly name = 'ExitError';
  readonly code: ExitCode;
  /** A full sentence that says what to do. */
  readonly hint: string | undefined;

  constructor(code: ExitCode, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** Reports that the command line or the configuration is at fault. */
export function misuse(message: string, hint?: string): ExitError {
  return new ExitError(exitCodes.usage, message, hint);
}

/** Reports that something is refused for safety before anything was touched, and says so. */
export function refusal(message: string, hint?: string): ExitError {
  return new ExitError(exitCodes.refused, `${message}; nothing was touched`, hint);
}

/** Reports any other failure. */
export function failure(message: string, hint?: string): ExitError {
  return new ExitError(exitCodes.failed, message, hint);
}
