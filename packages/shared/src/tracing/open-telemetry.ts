import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Link,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace';
import { SpanKind as QueueSpanKind, type Job, type Span, type Telemetry } from 'bullmq';
import { BullMQOtel } from 'bullmq-otel';
import type { TracingConfig } from '../config/subjects/tracing.ts';
import { describeError, PermanentError } from '../runtime/errors.ts';
import { dueTime } from '../runtime/jobs/scheduled-job.ts';
import { PlannedIds } from './planned-ids.ts';
import { RedactingExporter } from './redacting-exporter.ts';
import { createSampler } from './sampler.ts';
import type { SpanAttributes, Tracing, TracingOptions } from './tracing.ts';

// Loaded by a dynamic import, only if traces are configured.

/** Time that an ending process waits to send its last spans. */
const CLOSE_LIMIT_MS = 3000;
/** Interval of sending: a killed worker loses the spans of that time. */
const SEND_EVERY_MS = 1000;
/** A schedule's first job continues the scheduler's trace if that is no older. */
const SAME_TRACE_WITHIN_MS = 60_000;

type Opened = Tracing & { close(): Promise<void> };

/** @throws PermanentError if the certificate cannot be read */
export async function openTracing({
  config,
  service,
  log,
  redact,
}: TracingOptions & { readonly config: TracingConfig }): Promise<Opened> {
  const ids = new PlannedIds();
  const processor = new BatchSpanProcessor({
    exporter: new RedactingExporter(await openExporter(config), log, redact),
    scheduledDelayMillis: SEND_EVERY_MS,
  });
  const { resourceAttributes, serviceName } = config;
  const provider = new TracerProvider({
    resource: defaultResource().merge(
      resourceFromAttributes({
        'service.name': service,
        ...resourceAttributes,
        ...(serviceName === undefined ? {} : { 'service.name': serviceName }),
      }),
    ),
    sampler: createSampler(config),
    idGenerator: ids,
    spanProcessors: [processor],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  const telemetry = heedless(new BullMQOtel({ tracerName: 'pgstow' }));
  const { contextManager } = telemetry;
  const tracer = trace.getTracer('pgstow');

  return {
    queues: telemetry,
    workers: withoutProducers(telemetry),
    describe: (attributes) => trace.getActiveSpan()?.setAttributes(ours(attributes)),
    fail: (reason, message) =>
      trace
        .getActiveSpan()
        ?.setStatus({ code: SpanStatusCode.ERROR, message })
        .recordException({ name: reason, message }),
    beginScheduled: (job) => {
      const due = dueTime(job);
      if (due === undefined) return;
      const made = readContext(telemetry, job);
      const madeBy = made && trace.getSpanContext(made);
      const isNew = iterationOf(job) === 1 && due.getTime() - job.timestamp < SAME_TRACE_WITHIN_MS;
      const parent = isNew && madeBy !== undefined ? made : undefined;
      const links: Link[] = parent === undefined && madeBy !== undefined ? [{ context: madeBy }] : [];
      // A job has no place for a worker's choice of trace, so every attempt derives the same ids.
      const span = ids.plan(`${job.queueQualifiedName}:${job.id}`, () =>
        tracer.startSpan(
          `schedule ${job.queueName}`,
          { kind: SpanKind.PRODUCER, startTime: Math.min(due.getTime(), Date.now()), links },
          parent ?? ROOT_CONTEXT,
        ),
      );
      if (job.attemptsStarted <= 1) {
        span.setAttributes({ 'bullmq.job.id': job.id ?? '', 'bullmq.job.scheduler.id': job.repeatJobKey ?? '' });
        span.end();
      }
      job.opts.telemetry = { metadata: contextManager.getMetadata(trace.setSpan(ROOT_CONTEXT, span)) };
    },
    carry: () => (trace.getActiveSpan() === undefined ? undefined : contextManager.getMetadata(context.active())),
    resume: (carried, work) => contextManager.with(contextManager.fromMetadata(ROOT_CONTEXT, carried), work),
    close: async () => {
      const closed = provider.shutdown().catch(() => undefined);
      await Promise.race([closed, delay(CLOSE_LIMIT_MS, undefined, { ref: false })]);
    },
  };
}

async function openExporter(config: TracingConfig): Promise<SpanExporter> {
  const ca = config.certificate === undefined ? undefined : await readCertificate(config.certificate);
  const options = {
    url: config.url,
    headers: { ...config.headers },
    timeoutMillis: config.timeoutMs,
    compression: config.compression,
    // These options keep it from looking for other certificates in the environment.
    httpAgentOptions: { keepAlive: true, ...(ca === undefined ? {} : { ca }) },
  };
  const { OTLPTraceExporter } =
    config.protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter(options as ConstructorParameters<typeof OTLPTraceExporter>[0]);
}

async function readCertificate(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new PermanentError(`cannot read the certificates for traces: ${describeError(cause)}`, {
      hint: 'Set OTEL_EXPORTER_OTLP_CERTIFICATE to a file that the process can read, or leave it out.',
      cause,
    });
  }
}

/**
 * Ignores a malformed trace in a job: any program with access to Redis can write one. BullMQ parses it outside of the job, and an
 * error there would stop the worker.
 */
function heedless(telemetry: BullMQOtel): BullMQOtel {
  const { contextManager } = telemetry;
  const read = contextManager.fromMetadata.bind(contextManager);
  contextManager.fromMetadata = (active, metadata) => {
    try {
      return read(active, metadata);
    } catch {
      return active;
    }
  };
  return telemetry;
}

/** Drops a worker's producer spans: it adds only the next job of a schedule, which is no part of the trace before. */
function withoutProducers(telemetry: BullMQOtel): Telemetry<Context> {
  return {
    contextManager: telemetry.contextManager,
    tracer: {
      startSpan: (name, options, parent) =>
        options?.kind === QueueSpanKind.PRODUCER ? NO_SPAN : telemetry.tracer.startSpan(name, options, parent),
    },
  };
}

const nothing = (): void => undefined;
const NO_SPAN: Span<Context> = {
  setSpanOnContext: () => ROOT_CONTEXT,
  setAttribute: nothing,
  setAttributes: nothing,
  addEvent: nothing,
  recordException: nothing,
  end: nothing,
};

/** Number of a job in its schedule, from 1 on, since the scheduler wrote the schedule. BullMQ's types leave it out. */
function iterationOf(job: Job<unknown, unknown>): number | undefined {
  return (job.opts as { readonly repeat?: { readonly count?: number } }).repeat?.count;
}

/** Context in which a job was added, as the job says. */
function readContext({ contextManager }: BullMQOtel, job: Job<unknown, unknown>): Context | undefined {
  const metadata = job.opts.telemetry?.metadata;
  return metadata === undefined ? undefined : contextManager.fromMetadata(ROOT_CONTEXT, metadata);
}

function ours(attributes: SpanAttributes): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`pgstow.${name}`, value]));
}
