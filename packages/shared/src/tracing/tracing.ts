import type { Job, Telemetry } from 'bullmq';
import type { TracingConfig } from '../config/tracing.ts';
import type { Log } from '../runtime/log.ts';
import type { Redact } from '../runtime/redact.ts';

/** How this process makes spans. */
export type Tracing = {
  readonly queues: Telemetry;
  readonly workers: Telemetry;
  /** Says more of the job that is being processed. */
  describe(attributes: SpanAttributes): void;
  /** The attempt that is being processed failed. @param reason one word; @param message without secrets */
  fail(reason: string, message: string): void;
  /**
   * Gives a job that a schedule made a trace of its own, before it is processed: BullMQ hands the trace of a schedule's first
   * job on to every later one.
   */
  beginScheduled(job: Job<unknown, unknown>): void;
  /** The trace that this runs in, as text for another process; `undefined` outside of any. */
  carry(): string | undefined;
  /** Runs something as a part of a trace that `carry` told of. */
  resume<T>(carried: string, work: () => Promise<T>): Promise<T>;
};

/** In the words of the glossary. */
export type SpanAttributes = {
  readonly site?: string;
  readonly database?: string;
  readonly name?: string;
  readonly destination?: string;
};

export type TracingOptions = {
  /** `undefined`: no traces. */
  readonly config: TracingConfig | undefined;
  /** The name of the service, unless the configuration has one. */
  readonly service: string;
  readonly log: Log;
  readonly redact: Redact;
};

let current: Tracing | undefined;

/** This process's tracing; `undefined` where there is none. One for a process, as OpenTelemetry's own. */
export function tracing(): Tracing | undefined {
  return current;
}

/**
 * Starts to trace what queues and workers do that are opened afterwards. Disposing sends what is left, within a few seconds.
 * Without a configuration nothing is loaded.
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
