import { SpanKind, trace, type Attributes, type Context, type Link } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
  type Sampler,
  type SamplingResult,
} from '@opentelemetry/sdk-trace';
import type { TracingConfig } from '../config/subjects/tracing.ts';

/** Creates the sampler that the configuration names, for spans of jobs. */
export function createSampler({ sampler, ratio }: Pick<TracingConfig, 'sampler' | 'ratio'>): Sampler {
  const root = sampler.endsWith('always_on')
    ? new AlwaysOnSampler()
    : sampler.endsWith('always_off')
      ? new AlwaysOffSampler()
      : new TraceIdRatioBasedSampler(ratio);
  return new JobSampler(sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root);
}

/** Drops BullMQ's own work, such as the search for lost jobs every ten seconds: each would be a trace. */
class JobSampler implements Sampler {
  readonly #chosen: Sampler;

  constructor(chosen: Sampler) {
    this.#chosen = chosen;
  }

  shouldSample(
    context: Context,
    traceId: string,
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): SamplingResult {
    if (kind === SpanKind.INTERNAL && trace.getSpanContext(context) === undefined)
      return { decision: SamplingDecision.NOT_RECORD };
    return this.#chosen.shouldSample(context, traceId, name, kind, attributes, links);
  }

  toString(): string {
    return `JobSampler{${this.#chosen.toString()}}`;
  }
}
