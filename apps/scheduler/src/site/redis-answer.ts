import { setTimeout as delay } from 'node:timers/promises';
import { RetryableError, describeError } from '@pgstow/shared/runtime/errors.ts';

/** A person, a probe and Prometheus all want an answer while they still wait. */
const REDIS_ANSWERS_WITHIN_MS = 2000;

/**
 * What Redis answers. A command to a Redis that is away would wait for it for ever.
 *
 * @throws RetryableError if it does not answer in time
 */
export async function answerOf<T>(asked: Promise<T>): Promise<T> {
  const late = new AbortController();
  const limit = delay(REDIS_ANSWERS_WITHIN_MS, undefined, { signal: late.signal }).then(() => {
    throw new RetryableError(`redis does not answer within ${REDIS_ANSWERS_WITHIN_MS / 1000} s`);
  });
  try {
    return await Promise.race([asked, limit]);
  } catch (error) {
    if (error instanceof RetryableError) throw error;
    throw new RetryableError(`redis does not answer: ${describeError(error)}`, { cause: error });
  } finally {
    late.abort();
    limit.catch(() => undefined);
    asked.catch(() => undefined);
  }
}
