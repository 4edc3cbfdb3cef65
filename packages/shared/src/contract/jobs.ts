import { z } from 'zod';
import { backupNameSchema, parseBackupName, type BackupName } from './backup-name.ts';
import { destinationNameSchema, serverNameSchema, targetNameSchema, type Target } from './target.ts';

/** The version of job data that this pgstow reads. Without one, it is this. */
const DATA_VERSION = 1;

const version = z.literal(DATA_VERSION).optional();

/** Absent for the server of stack.env. */
const server = serverNameSchema.optional();

/** Major version of PostgreSQL to restore into as well, instead of that of VERIFY_REHEARSE. */
const rehearse = z.int().positive().optional();

/**
 * Every queue with the data of its jobs: names only, no secret and no path, because Redis and bull-board show them to anyone
 * who may look. Both ends parse: a job with anything else in it is refused.
 */
export const jobs = {
  dump: z.strictObject({ version, server, target: targetNameSchema }).transform(toNames),
  upload: z
    .strictObject({ version, server, name: backupNameSchema, destination: destinationNameSchema })
    .transform(toNames),
  /** A dump as it lies at a destination, or a target's newest dump there. */
  verify: z.union([
    z
      .strictObject({ version, server, name: backupNameSchema, destination: destinationNameSchema, rehearse })
      .transform(toNames),
    z
      .strictObject({ version, server, target: targetNameSchema, destination: destinationNameSchema, rehearse })
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

/** The server and database of a job; `undefined` if the data is not ours. */
export function targetOfJob(queue: QueueName, data: unknown): Target | undefined {
  const parsed = jobs[queue].safeParse(data).data;
  if (parsed === undefined) return undefined;
  const database = 'target' in parsed ? parsed.target : parseBackupName(parsed.name).database;
  return { server: parsed.server, database };
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

/** Result of a job that has found the databases of a server: the dumps that it asked for. */
export const foundResultSchema = z.object({ dumps: z.array(z.object({ target: targetNameSchema, job: z.string() })) });

export type FoundResult = z.infer<typeof foundResultSchema>;

/** Id of the one dump of a target that a job asked for which found it. @param sinceMs when that job was wanted */
export function foundJobId(database: string, sinceMs: number, server?: string): string {
  return atServer(`found.${encodeURIComponent(database)}.${sinceMs}`, server);
}

/** Id of the one upload job of a dump and destination, however often it is requested. */
export function uploadJobId(name: BackupName, destination: string, server?: string): string {
  return atServer(`upload.${name}.${destination}`, server);
}

/** Id of the one restore test of a dump and destination, however often it is requested. */
export function verifyJobId(name: BackupName, destination: string, server?: string): string {
  return atServer(`verify.${name}.${destination}`, server);
}

/**
 * The schedule entry of a target's restore tests.
 *
 * @param place of the second destination and those behind it. An encoded database and a server have no `+`
 */
export function verifyScheduleId(database: string, server?: string, place?: string): string {
  return atServer(`verify.${encodeURIComponent(database)}${place === undefined ? '' : `+${place}`}`, server);
}

export function catchUpJobId(database: string, dueAtMs: number, server?: string): string {
  return atServer(`catch-up.${encodeURIComponent(database)}.${dueAtMs}`, server);
}

/** @param sinceMs when the schedule's period began, so that an earlier period's job is not taken for this one */
export function firstJobId(database: string, sinceMs: number, server?: string): string {
  return atServer(`first.${encodeURIComponent(database)}.${sinceMs}`, server);
}

/** The schedule entry of a target's dumps. */
export function scheduleId(database: string, server?: string): string {
  return atServer(`dump.${encodeURIComponent(database)}`, server);
}

/** An encoded database and a backup's name have no `@`, so no two servers share an id. */
function atServer(id: string, server: string | undefined): string {
  return server === undefined ? id : `${id}@${server}`;
}

/** Whether a schedule entry of restore tests is one of a server. @param place of one destination's alone */
export function isVerifyScheduleId(id: string, server?: string, place?: string): boolean {
  if (!id.startsWith('verify.') || serverOfScheduleId(id) !== server) return false;
  return place === undefined || id.split('@')[0]?.endsWith(`+${place}`) === true;
}

/** Whether a schedule entry of dumps is one of a server. */
export function isScheduleId(id: string, server?: string): boolean {
  return id.startsWith('dump.') && serverOfScheduleId(id) === server;
}

/** The server of a schedule entry; `undefined` for that of stack.env. */
export function serverOfScheduleId(id: string): string | undefined {
  return /@([^@]*)$/.exec(id)?.[1];
}

/** The job that a schedule entry keeps for its next run; BullMQ forms its id. */
export function scheduledJobId(scheduleId: string, dueAtMs: number): string {
  return `repeat:${scheduleId}:${dueAtMs}`;
}
