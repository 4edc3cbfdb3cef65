import type { Job, Telemetry } from 'bullmq';
import type { TracingConfig } from '../config/subjects/tracing.ts';
import type { Log } from '../runtime/log/log.ts';
import type { Redact } from '../runtime/log/redact.ts';

/** Spans of this process. The only view that others have of OpenTelemetry. */
export type Tracing = {
  /** BullMQ's option `telemetry` for a queue, and for a worker. */
  readonly queues: Telemetry;
  readonly workers: Telemetry;
  /** Adds attributes to the span of the running job. */
  describe(attributes: SpanAttributes): void;
  /** Marks the running attempt as failed. @param reason one word; @param message without secrets */
  fail(reason: string, message: string): void;
  /** Begins the trace of a scheduled job before it runs: BullMQ would give it the trace of its schedule's first job. */
  beginScheduled(job: Job<unknown, unknown>): void;
  /** The current trace as text for another process; `undefined` outside of any. */
  carry(): string | undefined;
  /** Runs `work` in a trace from `carry`. */
  resume<T>(carried: string, work: () => Promise<T>): Promise<T>;
};

/** Attributes in the words of the glossary. */
export type SpanAttributes = {
  readonly site?: string;
  readonly server?: string;
  readonly database?: string;
  readonly name?: string;
  readonly destination?: string;
};

export type TracingOptions = {
  /** `undefined`: no traces. */
  readonly config: TracingConfig | undefined;
  /** Name of the service, unless the configuration has one. */
  readonly service: string;
  readonly log: Log;
  readonly redact: Redact;
};

let current: Tracing | undefined;

/** This process's tracing, if it is on. There is one for a process, like OpenTelemetry's own. */
export function currentTracing(): Tracing | undefined {
  return current;
}

/**
 * Starts to trace the queues and workers that are opened afterwards. Disposing sends the last spans, within a few seconds. Without
 * a configuration no module of OpenTelemetry is loaded.
 *
 * @throws PermanentError if a certificate cannot be read
 */
export async function startTracing({ config, ...options }: TracingOptions): Promise<AsyncDisposable> {
  if (config === undefined) return { [Symbol.asyncDispose]: async () => undefined };
  const { openTracing } = await import('./open-telemetry.ts');
  const opened = await openTracing({ config, ...options });
  current = opened;
  return {
    async [Symbol.asyncDispose]() {
      current = undefined;
      await opened.close();
    },
  };
}
