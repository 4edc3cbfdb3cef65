/** A time limit that can be paused. Its signal is aborted once the time is up. */
export class Deadline implements Disposable {
  readonly #ended = new AbortController();
  #leftMs: number;
  #runningSince = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number) {
    this.#leftMs = limitMs;
    this.#run();
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Stops the clock until the result is disposed of. */
  pause(): Disposable {
    this.#leftMs -= performance.now() - this.#runningSince;
    this[Symbol.dispose]();
    return { [Symbol.dispose]: () => this.#run() };
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #run(): void {
    this.#runningSince = performance.now();
    this.#timer = setTimeout(() => this.#ended.abort(new Error('it took too long')), Math.max(0, this.#leftMs));
  }
}
