import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import type { VerifyContext } from '../context.ts';
import type { WantedDump } from '../find-wanted-dump.ts';
import type { Deadline } from './deadline.ts';

/** Everything that the steps of a restore on a scratch server use. */
export type RestoreStep = {
  readonly task: Task<'verify'>;
  readonly context: VerifyContext;
  readonly wanted: WantedDump;
  /** A private folder, removed afterwards. */
  readonly scratch: string;
  /** The dump's copy in that folder. */
  readonly path: string;
  /** File of the identity that decrypts it; `undefined` for a dump that is not encrypted. */
  readonly identityFile: string | undefined;
  /** Aborts the signal. */
  readonly deadline: Deadline;
  readonly signal: AbortSignal;
};
