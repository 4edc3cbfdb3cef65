import type { subjects } from '@pgstow/shared/config/subjects.ts';
import { readFault } from '@pgstow/shared/runtime/errors.ts';
import type { Facts } from './facts.ts';

export type Status = 'ok' | 'warning' | 'fault' | 'skipped';

/** One line of doctor's answer. Documented in docs/command-line.md; names are added, never changed. */
export type Finding = {
  /** Group and name, as in `postgres.rights`. */
  readonly check: `${Group}.${string}`;
  /** The database or queue that was looked at, where it was one. */
  readonly subject?: string | undefined;
  readonly status: Status;
  readonly message: string;
  /** The remedy: full sentences, or the statement or command that mends it. */
  readonly hint?: string | undefined;
};

/** Groups of findings with their titles, in the order in which they are shown. */
export const groups = {
  configuration: 'Configuration',
  postgres: 'PostgreSQL',
  folder: 'Backup folder',
  encryption: 'Encryption',
  schedule: 'Schedule',
  retention: 'Retention',
  s3: 'S3',
  copy: 'Folders of copies',
  redis: 'Redis',
  queues: 'Queues and workers',
  restore: 'Restore tests',
  board: 'Board',
} as const;

export type Group = keyof typeof groups;

/** Makes the findings of one check, about one subject or none. @returns functions that take the message and the hint */
export function findingOf(check: Finding['check'], subject?: string) {
  const make = (status: Status) => {
    return (message: string, hint?: string): Finding => ({ check, subject, status, message, hint });
  };
  return {
    ok: make('ok'),
    warning: make('warning'),
    fault: make('fault'),
    skipped: make('skipped'),
    /** A fault that an error tells. */
    failed: (error: unknown): Finding => {
      const { reason, hint } = readFault(error);
      return { check, subject, status: 'fault', message: reason, hint };
    },
  };
}

type Subjects = typeof subjects;
export type SubjectName = keyof Subjects;
/** The configuration of every subject that has no fault. */
export type Settings = { readonly [K in SubjectName]?: ReturnType<Subjects[K]['build']> };
type Needed<K extends SubjectName> = { readonly [N in K]: ReturnType<Subjects[N]['build']> };

/** Checks one thing. An error or a timeout becomes a finding under its name: see `runCheck`. */
export type Check<K extends SubjectName = SubjectName> = {
  /** Name of the finding that says that the check could not be made. */
  readonly name: Finding['check'];
  /** Subjects of the configuration that it needs. */
  readonly needs: readonly K[];
  /** Limit for the whole check. */
  readonly timeoutMs: number | ((settings: Needed<K>) => number);
  /** Yields each finding as soon as it is known, so that a later timeout costs none of them. */
  readonly run: (settings: Needed<K>, facts: Facts, signal: AbortSignal) => AsyncIterable<Finding>;
};

export function defineCheck<const K extends SubjectName>(check: Check<K>): Check {
  return check;
}
