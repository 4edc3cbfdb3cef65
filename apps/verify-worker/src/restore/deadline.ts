/** Aborts its signal once something has taken too long, without the time for which it waited for others. */
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

  /** Until it is disposed of, no time goes by. */
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
