import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import type { Redact } from '@pgstow/shared/runtime/log/redact.ts';

/** Time that the end of a process leaves to work that still runs. */
const PATIENCE_MS = 5000;
/** Time that aborted work has to log so. */
const LAST_WORDS_MS = 500;

/** Work beside the jobs: its faults are logged, and fail no job. Disposing waits a little, then aborts it. */
export class Background implements AsyncDisposable {
  readonly #running = new Set<Promise<void>>();
  readonly #ended = new AbortController();
  readonly #log: Log;
  readonly #redact: Redact;

  constructor(log: Log, redact: Redact) {
    this.#log = log;
    this.#redact = redact;
  }

  /** @param what the log says could not be done if it fails */
  run(what: string, work: (signal: AbortSignal) => Promise<unknown>): void {
    const running = (async () => {
      try {
        await work(this.#ended.signal);
      } catch (error) {
        this.#log.warn({ err: this.#redact(describeError(error)) }, `could not ${what}`);
      }
    })();
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#settle(PATIENCE_MS);
    this.#ended.abort(new Error('the process ends'));
    await this.#settle(LAST_WORDS_MS);
  }

  async #settle(limitMs: number): Promise<void> {
    const over = new AbortController();
    const limit = delay(limitMs, true, { signal: over.signal }).catch(() => true);
    let isLate = false;
    // Work may start other work.
    while (this.#running.size > 0 && !isLate)
      isLate = await Promise.race([Promise.all(this.#running).then(() => false), limit]);
    over.abort();
  }
}
