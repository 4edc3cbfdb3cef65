import { RetryableError } from '@pgstow/shared/runtime/errors.ts';

/**
 * Waits for a file system for so long and no longer. A network mount whose host is gone may never answer, and no call can be taken
 * back: it keeps one of the few threads that all files of the process share. So while one call has had no answer, no other is made.
 */
export class Patience {
  readonly #timeoutMs: number;
  /** Calls that were given up and have had no answer since. */
  #unanswered = 0;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** @throws RetryableError if there is no answer in time; the reason of the signal; as the call does */
  async wait<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.isExhausted) throw this.#tooLong();
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(signal?.reason);
    const timer = setTimeout(() => reject(this.#tooLong()), this.#timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    const answer = call();
    let isAnswered = false;
    const settled = answer.then(
      () => undefined,
      () => undefined,
    );
    void settled.then(() => (isAnswered = true));
    try {
      return await Promise.race([answer, givenUp]);
    } catch (error) {
      if (!isAnswered) {
        this.#unanswered += 1;
        void settled.then(() => (this.#unanswered -= 1));
      }
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Whether a call still waits for its answer. */
  get isExhausted(): boolean {
    return this.#unanswered > 0;
  }

  #tooLong(): RetryableError {
    return new RetryableError(`the file system has not answered for ${this.#timeoutMs / 1000} s`, {
      hint: 'Is the host that it is mounted from away? Mount it with the option soft, so that it answers at all.',
    });
  }
}
