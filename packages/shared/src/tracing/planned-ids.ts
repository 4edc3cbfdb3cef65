import { createHash } from 'node:crypto';
import { RandomIdGenerator, type IdGenerator } from '@opentelemetry/sdk-trace';

/** Random ids, except for a planned span: every process gives it the same ids. */
export class PlannedIds implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  #digest: string | undefined;

  /** Derives the ids of the span that `start` starts from `seed` alone; a parent's trace id takes precedence. */
  plan<T>(seed: string, start: () => T): T {
    this.#digest = createHash('sha256').update(seed).digest('hex');
    try {
      return start();
    } finally {
      this.#digest = undefined;
    }
  }

  generateTraceId(): string {
    return this.#digest?.slice(0, 32) ?? this.#random.generateTraceId();
  }

  generateSpanId(): string {
    return this.#digest?.slice(32, 48) ?? this.#random.generateSpanId();
  }
}
