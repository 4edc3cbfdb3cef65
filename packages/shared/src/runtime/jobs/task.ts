import type { BackupName } from '../../contract/backup-name.ts';
import type { JobData, QueueName } from '../../contract/jobs.ts';
import type { Log } from '../log/log.ts';

/** A job as its handler sees it: parsed, and without BullMQ. */
export type Task<Q extends QueueName> = {
  readonly id: string;
  readonly data: JobData<Q>;
  /** The job's name: why it exists. */
  readonly reason: string;
  /** Since when the result has been wanted. */
  readonly wantedSince: Date;
  /** True if an attempt at it failed, or was lost with its worker. */
  readonly isRepeated: boolean;
  /** Aborted when the process must end or the job is no longer ours. */
  readonly signal: AbortSignal;
  /** Lines with the job's id and, once it is known, the backup's name. */
  readonly log: Log;
  /** Says which backup the job is of, as soon as that is known. From then on, log and trace name it. */
  concerns(name: BackupName): void;
  /** A line for the board's log of the job, and for the process's own. */
  note(line: string): void;
  /** Shown by the board. @param percent 0 to 100 */
  progress(percent: number): void;
};
