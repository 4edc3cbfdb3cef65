import { createHash } from 'node:crypto';
import { RandomIdGenerator, type IdGenerator } from '@opentelemetry/sdk-trace';

/** Random ids, but for a span whose ids are to be the same wherever it is made. */
export class PlannedIds implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  #digest: string | undefined;

  /** Has the span that `start` starts get ids that follow from `seed` alone; a parent's trace id goes before. */
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
