import { setTimeout as delay } from 'node:timers/promises';
import { RetryableError } from '../errors.ts';

export type AnswerOptions = { readonly hint?: string; readonly signal?: AbortSignal };

/**
 * Waits for what Redis was asked. A command would wait for ever for a Redis that is away.
 *
 * @throws RetryableError if no answer comes within `limitMs`; once `signal` is aborted
 */
export async function answerWithin<T>(
  limitMs: number,
  asked: Promise<T>,
  { hint, signal }: AnswerOptions = {},
): Promise<T> {
  const answered = new AbortController();
  const either = signal === undefined ? answered.signal : AbortSignal.any([answered.signal, signal]);
  const late = delay(limitMs, undefined, { signal: either }).then(() => {
    throw new RetryableError(`redis does not answer within ${limitMs / 1000} s`, { hint });
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    answered.abort();
    for (const ended of [asked, late]) ended.catch(() => undefined);
  }
}
