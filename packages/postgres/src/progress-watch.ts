import { RetryableError } from '@pgstow/shared/runtime/errors.ts';

export type WatchOptions = {
  readonly timeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly onProgress: (bytes: number) => void;
};

/** Counts bytes that go by, tells of them once a second, and gives up when they take too long or stop coming. */
export class ProgressWatch implements Disposable {
  readonly #giveUp = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;
  #lastSeenAt = performance.now();

  constructor({ timeoutMs, stallTimeoutMs, onProgress }: WatchOptions) {
    const startedAt = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      onProgress(this.#bytes);
      if (now - startedAt > timeoutMs) {
        this.#stop(
          `the dump took longer than ${timeoutMs / 1000} seconds`,
          'Raise BACKUP_TIMEOUT if it needs that long.',
        );
      } else if (now - this.#lastSeenAt > stallTimeoutMs) {
        this.#stop(
          `pg_dump wrote nothing for ${stallTimeoutMs / 1000} seconds`,
          'Is something on the server blocking it? Otherwise raise BACKUP_STALL_TIMEOUT.',
        );
      }
    }, 1000);
  }

  /** Aborted when it gave up. */
  get signal(): AbortSignal {
    return this.#giveUp.signal;
  }

  seen(bytes: number): void {
    this.#bytes += bytes;
    this.#lastSeenAt = performance.now();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #stop(message: string, hint: string): void {
    this.#giveUp.abort(new RetryableError(message, { hint }));
  }
}
