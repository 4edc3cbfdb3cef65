import { ZodError, z } from 'zod';
import { parseJson } from '../../contract/parse-json.ts';
import { describeFault, PermanentError, readFault } from '../errors.ts';
import type { Redact } from '../log/redact.ts';
import type { RedisConnection } from '../redis/redis.ts';
import type { OpenQueue } from './queue.ts';

/** Why a job, or an attempt at it, failed, without secrets. */
const jobFailureSchema = z.object({
  reason: z.string(),
  /** A sentence that says what to do. */
  hint: z.string().optional(),
  /** Taken from the error's own `facts`. */
  facts: z.unknown().optional(),
});
export type JobFailure = z.infer<typeof jobFailureSchema>;

/** An error in the form in which BullMQ keeps it. */
export class JobError extends Error {
  readonly failure: JobFailure;
  /** True if no other attempt is made by itself. */
  readonly isFinal: boolean;

  constructor(error: unknown, redact: Redact) {
    const { reason, hint } = readFault(error instanceof ZodError ? describeData(error) : error);
    const facts = error instanceof Error && 'facts' in error ? error.facts : undefined;
    const failure = { reason: redact(reason), hint: hint && redact(hint), facts };
    super(describeFault(failure));
    this.failure = failure;
    // BullMQ goes by the name: this one stops the job for good, any other is tried again.
    this.isFinal = error instanceof PermanentError || error instanceof ZodError;
    this.name = this.isFinal ? 'UnrecoverableError' : 'Error';
    // The board shows the stack. Its paths say nothing to an operator, and are in the log.
    this.stack = this.message;
  }
}

function describeData(error: ZodError): string {
  return `the job's data is not one of ours: ${z.prettifyError(error).replaceAll('\n', ' ')}`;
}

/** A field beside those of BullMQ's own in a job's hash; it goes with the job. */
const FIELD = 'pgstow:failure';

/** Keeps with a job why it failed. Call it before BullMQ is given the error. @param jobKey the job's key in Redis */
export async function keepJobFailure(
  redis: RedisConnection,
  jobKey: string,
  failure: JobFailure,
  redact: Redact,
): Promise<void> {
  await redis.eval(KEEP, 1, jobKey, FIELD, redact(JSON.stringify(failure)));
}

/** Why a job, or its last attempt, failed; `undefined` if neither did. */
export async function readJobFailure(
  queue: Pick<OpenQueue<never>, 'redis' | 'toKey'>,
  { id = '', failedReason }: { readonly id?: string | undefined; readonly failedReason?: string | undefined },
): Promise<JobFailure | undefined> {
  if (failedReason === undefined || failedReason === '') return undefined;
  const failure = parseJson(jobFailureSchema, (await queue.redis.hget(queue.toKey(id), FIELD)) ?? '');
  if (failure !== undefined && describeFault(failure) === failedReason) return failure;
  // A job of an earlier version, or one that BullMQ itself has failed, has the text alone.
  const [reason = '', hint] = failedReason.split(/\nhint: (.*)/s);
  return { reason, hint };
}

/** The field must not bring a job back that was removed meanwhile. */
const KEEP = `if redis.call('exists', KEYS[1]) == 1 then return redis.call('hset', KEYS[1], ARGV[1], ARGV[2]) end return 0`;
