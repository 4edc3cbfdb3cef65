import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';

/** What came of a restore test, as far as it went. */
export type RestoreFinding = Pick<
  RestoreTest,
  'result' | 'reason' | 'restoreMs' | 'tables' | 'rows' | 'serverVersion'
> & {
  readonly notes: readonly string[];
  /** All of them. */
  readonly differences: readonly string[];
  /** Of `could-not-tell`: whether another attempt would end in the same way until a person mends something. */
  readonly isLasting: boolean;
  readonly hint?: string | undefined;
};

/** The dump is bad. */
export class BadDumpError extends Error {
  override readonly name = 'BadDumpError';
}

/** No verdict, and none before a person has mended something. */
export class CannotTellError extends Error {
  override readonly name = 'CannotTellError';
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** What an error says of the dump that was tested: nothing, unless it is a BadDumpError. */
export function findingOf(error: unknown): RestoreFinding {
  const none = { differences: [], notes: [], isLasting: false } as const;
  if (error instanceof BadDumpError) return { ...none, result: 'bad', reason: error.message };
  const { message, hint, code, name } = error as Error & { readonly hint?: string; readonly code?: string };
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return {
    ...none,
    result: 'could-not-tell',
    reason: isFull ? 'the disk of VERIFY_DIR is full' : message,
    hint,
    isLasting: error instanceof PermanentError || error instanceof CannotTellError || name === 'NoScratchServerError',
  };
}
