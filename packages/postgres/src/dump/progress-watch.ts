import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';

export type WatchOptions = {
  readonly timeoutMs: number;
  readonly stallTimeoutMs: number;
  /** Reads how many bytes there are by now. */
  readonly readBytes: () => Promise<number>;
  readonly onProgress: (bytes: number) => void;
};

/**
 * Counts the bytes once a second and reports them. It gives up for good when the dump takes too long, and for this attempt
 * when no more bytes come.
 */
export class ProgressWatch implements Disposable {
  readonly #giveUp = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;
  #lastMoreAt = performance.now();

  constructor({ timeoutMs, stallTimeoutMs, readBytes, onProgress }: WatchOptions) {
    const startedAt = performance.now();
    const look = async (): Promise<void> => {
      const bytes = await readBytes();
      const now = performance.now();
      if (bytes > this.#bytes) {
        this.#bytes = bytes;
        this.#lastMoreAt = now;
        onProgress(bytes);
      }
      // A dump that stands still is reported as that, even if its time is up as well.
      if (now - this.#lastMoreAt > stallTimeoutMs) {
        this.#giveUp.abort(
          new RetryableError(`pg_dump wrote nothing for ${stallTimeoutMs / 1000} seconds`, {
            hint: 'Is something blocking it on the server, or the disk of the backup folder? Otherwise raise BACKUP_STALL_TIMEOUT.',
          }),
        );
      } else if (now - startedAt > timeoutMs) {
        // Another attempt would take as long, and all attempts together days before an alarm.
        this.#giveUp.abort(
          new PermanentError(`the dump took longer than ${timeoutMs / 1000} seconds (BACKUP_TIMEOUT)`, {
            hint: 'See whether the server or the network is slower than usual. If the dump needs that long, raise BACKUP_TIMEOUT.',
          }),
        );
      }
    };
    // The dump is just ending where nothing can be read any more.
    this.#timer = setInterval(() => void look().catch(() => undefined), 1000);
  }

  /** Aborted when it gave up. */
  get signal(): AbortSignal {
    return this.#giveUp.signal;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
