import { z } from 'zod';
import { backupNameSchema, parseBackupName, type BackupName } from './backup-name.ts';
import { destinationNameSchema, targetNameSchema } from './target.ts';

/** The version of job data that this pgstow reads. Without one, it is this. */
const DATA_VERSION = 1;

const version = z.literal(DATA_VERSION).optional();

/** Major version of PostgreSQL to restore into as well, instead of that of VERIFY_REHEARSE. */
const rehearse = z.int().positive().optional();

/**
 * Every queue with the data of its jobs: names only, no secret and no path, because Redis and bull-board show them to anyone
 * who may look. Both ends parse: a job with anything else in it is refused.
 */
export const jobs = {
  dump: z.strictObject({ version, target: targetNameSchema }).transform(toNames),
  upload: z.strictObject({ version, name: backupNameSchema, destination: destinationNameSchema }).transform(toNames),
  /** A dump as it lies at a destination, or a target's newest dump there. */
  verify: z.union([
    z
      .strictObject({ version, name: backupNameSchema, destination: destinationNameSchema, rehearse })
      .transform(toNames),
    z
      .strictObject({ version, target: targetNameSchema, destination: destinationNameSchema, rehearse })
      .transform(toNames),
  ]),
} as const;

/** The data without its version, which is known by then. */
function toNames<T extends { version?: unknown }>(data: T): Omit<T, 'version'> {
  const names = { ...data };
  delete names.version;
  return names;
}

export type QueueName = keyof typeof jobs;
export type JobData<Q extends QueueName> = z.infer<(typeof jobs)[Q]>;

/**
 * Why a dump job exists; it is the job's name. `first` is asked for when a target's schedule is first seen, `catch-up`
 * when a due run would have been lost to a change of schedule, `ad-hoc` by a person.
 */
export type DumpReason = 'scheduled' | 'first' | 'catch-up' | 'ad-hoc';

/** Parses what came out of Redis. @throws ZodError */
export function parseJobData<Q extends QueueName>(queue: Q, data: unknown): JobData<Q> {
  return jobs[queue].parse(data) as JobData<Q>;
}

/** The version of job data that is newer than ours: a worker of that version can read it. */
export function newerVersionOf(data: unknown): number | undefined {
  const { data: versioned } = z.looseObject({ version: z.int().gt(DATA_VERSION) }).safeParse(data);
  return versioned?.version;
}

/** The database of a job; `undefined` if the data is not ours. */
export function databaseOfJob(queue: QueueName, data: unknown): string | undefined {
  const parsed = jobs[queue].safeParse(data).data;
  if (parsed === undefined) return undefined;
  return 'target' in parsed ? parsed.target : parseBackupName(parsed.name).database;
}

/** Result of a dump job: the dump, and the destinations of its uploads. */
export const dumpResultSchema = z.object({
  name: backupNameSchema,
  bytes: z.int().positive(),
  destinations: z.array(destinationNameSchema),
  /** Why it is suspect, and does not count as a backup. */
  suspect: z.string().optional(),
});

export type DumpResult = z.infer<typeof dumpResultSchema>;

/** Id of the one upload job of a dump and destination, however often it is requested. */
export function uploadJobId(name: BackupName, destination: string): string {
  return `upload.${name}.${destination}`;
}

/** Id of the one restore test of a dump and destination, however often it is requested. */
export function verifyJobId(name: BackupName, destination: string): string {
  return `verify.${name}.${destination}`;
}

/** The schedule entry of a target's restore tests. */
export function verifyScheduleId(target: string): string {
  return `verify.${encodeURIComponent(target)}`;
}

export function catchUpJobId(target: string, dueAtMs: number): string {
  return `catch-up.${encodeURIComponent(target)}.${dueAtMs}`;
}

/** @param sinceMs when the schedule's period began, so that an earlier period's job is not taken for this one */
export function firstJobId(target: string, sinceMs: number): string {
  return `first.${encodeURIComponent(target)}.${sinceMs}`;
}

/** The schedule entry of a target's dumps. */
export function scheduleId(target: string): string {
  return `dump.${encodeURIComponent(target)}`;
}

/** Whether a schedule entry of restore tests is one of ours. */
export function isVerifyScheduleId(id: string): boolean {
  return id.startsWith('verify.');
}

/** Whether a schedule entry is one of ours. */
export function isScheduleId(id: string): boolean {
  return id.startsWith('dump.');
}

/** The job that a schedule entry keeps for its next run; BullMQ forms its id. */
export function scheduledJobId(scheduleId: string, dueAtMs: number): string {
  return `repeat:${scheduleId}:${dueAtMs}`;
}
