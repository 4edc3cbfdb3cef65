import type { subjects } from '@pgstow/shared/config/subjects.ts';
import type { Facts } from './facts.ts';

export type Status = 'ok' | 'warning' | 'fault' | 'skipped';

/** What a check found: one line of the answer. Documented in docs/command-line.md; names are added, never changed. */
export type Finding = {
  /** Group and name, as in `postgres.rights`. */
  readonly check: `${Group}.${string}`;
  /** The database or queue that was looked at, where it was one. */
  readonly subject?: string | undefined;
  readonly status: Status;
  readonly message: string;
  /** What to do, in full sentences, or the statement or command that mends it. */
  readonly hint?: string | undefined;
};

/** In the order in which they are shown. */
export const groups = {
  configuration: 'Configuration',
  postgres: 'PostgreSQL',
  folder: 'Backup folder',
  schedule: 'Schedule',
  retention: 'Retention',
  s3: 'S3',
  redis: 'Redis',
  queues: 'Queues and workers',
  restore: 'Restore tests',
  board: 'Board',
} as const;

export type Group = keyof typeof groups;

type Subjects = typeof subjects;
export type SubjectName = keyof Subjects;
/** The configuration of every subject that has no fault. */
export type Settings = { readonly [K in SubjectName]?: ReturnType<Subjects[K]['build']> };
type Needed<K extends SubjectName> = { readonly [N in K]: ReturnType<Subjects[N]['build']> };

/** Looks at one thing. What it throws, and that it ran out of time, becomes a finding of its name: see `runCheck`. */
export type Check<K extends SubjectName = SubjectName> = {
  /** Of the finding that stands for the check where it could not be made. */
  readonly name: Finding['check'];
  /** Subjects of the configuration without which there is nothing to check. */
  readonly needs: readonly K[];
  /** For all of it. */
  readonly timeoutMs: number | ((settings: Needed<K>) => number);
  /** Gives each finding as soon as it is known, so that what comes to a stop later costs none of them. */
  readonly run: (settings: Needed<K>, facts: Facts, signal: AbortSignal) => AsyncIterable<Finding>;
};

export function defineCheck<const K extends SubjectName>(check: Check<K>): Check {
  return check;
}
