import { RetryableError, describeError } from '@pgstow/shared/runtime/errors.ts';
import { answerWithin } from '@pgstow/shared/runtime/redis/answer-within.ts';

/** People, probes and Prometheus do not wait long for an answer. */
const REDIS_ANSWERS_WITHIN_MS = 2000;

/** Waits for an answer of Redis. @throws RetryableError if it refuses, or does not answer in time */
export async function answerOf<T>(asked: Promise<T>): Promise<T> {
  try {
    return await answerWithin(REDIS_ANSWERS_WITHIN_MS, asked);
  } catch (error) {
    if (error instanceof RetryableError) throw error;
    throw new RetryableError(`redis does not answer: ${describeError(error)}`, { cause: error });
  }
}
