export type Stream = 'stdout' | 'stderr';

/** One line that a process wrote. */
export class OutputLine {
  readonly stream: Stream;
  readonly text: string;
  /** The line's number, from 0 over both streams. */
  readonly number: number;

  constructor(stream: Stream, text: string, number: number) {
    this.stream = stream;
    this.text = text;
    this.number = number;
  }

  /** The line as a JSON object (a pino log record), or `undefined` if it is not JSON. */
  get json(): Readonly<Record<string, unknown>> | undefined {
    if (!this.text.startsWith('{')) return undefined;
    try {
      return JSON.parse(this.text) as Record<string, unknown>;
    } catch {
      return undefined;
    }
  }
}

/** Cuts what a process writes into lines, keeps the newest, and lets others wait for one. */
export class OutputLines {
  readonly lines: OutputLine[] = [];
  readonly #keep: number;
  readonly #rest: Record<Stream, string> = { stdout: '', stderr: '' };
  readonly #waiting = new Set<(line: OutputLine | undefined) => void>();
  #count = 0;
  #ended = false;

  constructor(keep: number) {
    this.#keep = keep;
  }

  write(stream: Stream, text: string): void {
    const pieces = (this.#rest[stream] + text).split(/\r?\n/);
    // A line without an end must not grow for ever.
    this.#rest[stream] = (pieces.pop() ?? '').slice(-1_048_576);
    for (const piece of pieces) this.#add(stream, piece);
  }

  end(): void {
    for (const stream of ['stdout', 'stderr'] satisfies Stream[]) {
      if (this.#rest[stream] !== '') this.#add(stream, this.#rest[stream]);
      this.#rest[stream] = '';
    }
    this.#ended = true;
    for (const tell of this.#waiting) tell(undefined);
  }

  /** The first line that fits, or `undefined` when the output ends or time is up first. */
  async find(fits: (line: OutputLine) => boolean, timeoutMs: number): Promise<OutputLine | undefined> {
    const found = this.lines.find((line) => fits(line));
    if (found || this.#ended) return found;
    const { promise, resolve, reject } = Promise.withResolvers<OutputLine | undefined>();
    const tell = (line: OutputLine | undefined) => {
      try {
        if (line === undefined || fits(line)) resolve(line);
      } catch (error) {
        reject(error);
      }
    };
    this.#waiting.add(tell);
    const timer = setTimeout(tell, timeoutMs, undefined);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(tell);
    }
  }

  tail(): string {
    const partial = Object.values(this.#rest).filter((text) => text !== '');
    return [...this.lines.slice(-100).map((line) => line.text), ...partial].join('\n').slice(-8_192);
  }

  #add(stream: Stream, text: string): void {
    const line = new OutputLine(stream, text, this.#count++);
    this.lines.push(line);
    if (this.lines.length > this.#keep) this.lines.shift();
    for (const tell of this.#waiting) tell(line);
  }
}
