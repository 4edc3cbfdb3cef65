import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import { InMemorySpanExporter, SamplingDecision, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { describe, expect, it } from 'vitest';
import type { Log } from '../runtime/log/log.ts';
import { createRedact } from '../runtime/log/redact.ts';
import { PlannedIds } from './planned-ids.ts';
import { RedactingExporter } from './redacting-exporter.ts';
import { createSampler } from './sampler.ts';

const CANARY = 'cAnArY7d1f8e2b9a';

describe('what is sent', () => {
  it('has no secret in any attribute, event or status', async () => {
    const sent = new InMemorySpanExporter();
    const exporter = new RedactingExporter(sent, silent([]), createRedact([CANARY]));
    const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
    const span = provider.getTracer('test').startSpan('process dump');
    span.setAttributes({ one: `x ${CANARY}`, many: ['a', CANARY], number: 7 });
    span.addEvent('job failed', { reason: `no ${CANARY}` });
    span.recordException(new Error(`of ${CANARY}`));
    span.setStatus({ code: SpanStatusCode.ERROR, message: CANARY }).end();
    await provider.forceFlush();
    const [clean] = sent.getFinishedSpans();
    expect(clean).toMatchObject({
      name: 'process dump',
      attributes: { one: 'x [redacted]', many: ['a', '[redacted]'], number: 7 },
      status: { code: SpanStatusCode.ERROR, message: '[redacted]' },
    });
    expect(clean?.spanContext()).toEqual(span.spanContext());
    expect(JSON.stringify(clean?.events)).not.toContain(CANARY);
  });

  it('or cannot be is told of once, and again once it can', () => {
    const lines: string[] = [];
    const answers = [ExportResultCode.FAILED, ExportResultCode.FAILED, ExportResultCode.SUCCESS];
    const exporter = new RedactingExporter(
      {
        export: (_spans, done) => done({ code: answers.shift()!, error: new Error(`key ${CANARY}`) }),
        shutdown: async () => undefined,
      },
      silent(lines),
      createRedact([CANARY]),
    );
    for (const _ of [1, 2, 3]) exporter.export([], () => undefined);
    expect(lines).toEqual([
      'key [redacted]: traces cannot be sent, and are lost; no job waits',
      'traces are sent again',
    ]);
  });
});

describe('a sampler', () => {
  const sample = (sampler: Parameters<typeof createSampler>[0]['sampler'], kind: SpanKind, isChildOf?: TraceFlags) => {
    // One that a ratio of a half leaves out.
    const traceId = `ffffffff${'0'.repeat(24)}`;
    const context =
      isChildOf === undefined
        ? ROOT_CONTEXT
        : trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId: '1'.repeat(16), traceFlags: isChildOf });
    const { decision } = createSampler({ sampler, ratio: 0.5 }).shouldSample(context, traceId, 'x', kind, {}, []);
    return decision === SamplingDecision.RECORD_AND_SAMPLED;
  };

  it('keeps jobs, and drops what belongs to none', () => {
    expect(sample('always_on', SpanKind.PRODUCER)).toBe(true);
    expect(sample('always_on', SpanKind.INTERNAL)).toBe(false);
    expect(sample('always_on', SpanKind.INTERNAL, TraceFlags.SAMPLED)).toBe(true);
  });

  it('is the one that was asked for', () => {
    expect(sample('always_off', SpanKind.PRODUCER)).toBe(false);
    expect(sample('traceidratio', SpanKind.PRODUCER)).toBe(false);
    expect(sample('parentbased_always_on', SpanKind.CONSUMER, TraceFlags.NONE)).toBe(false);
    expect(sample('parentbased_always_off', SpanKind.CONSUMER, TraceFlags.SAMPLED)).toBe(true);
    expect(sample('parentbased_traceidratio', SpanKind.PRODUCER)).toBe(false);
  });
});

describe('planned ids', () => {
  it('follow from the seed alone, and are random again afterwards', () => {
    const make = (ids: PlannedIds) => [ids.generateTraceId(), ids.generateSpanId()];
    const [one, other] = [new PlannedIds(), new PlannedIds()];
    const planned = one.plan('seed', () => make(one));
    expect(planned).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), expect.stringMatching(/^[0-9a-f]{16}$/)]);
    expect(other.plan('seed', () => make(other))).toEqual(planned);
    expect(make(one)).not.toEqual(planned);
    expect(other.plan('another', () => make(other))).not.toEqual(planned);
  });
});

function silent(lines: string[]): Log {
  const write = (first: unknown, message?: string): void => {
    lines.push(message === undefined ? String(first) : `${(first as { err: string }).err}: ${message}`);
  };
  const log = { trace: write, debug: write, info: write, warn: write, error: write, fatal: write };
  return Object.assign(log, { child: () => log }) as unknown as Log;
}
