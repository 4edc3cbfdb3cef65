import { eventually } from '@pgstow/testing/eventually.ts';
import { startHttpEndpoint, type HttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';

export type ReceivedSpan = {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly { readonly name: string; readonly attributes: Readonly<Record<string, unknown>> }[];
  /** 2 is an error. */
  readonly status: { readonly code: number; readonly message?: string };
};

/** A receiver of OTLP/HTTP with JSON: https://opentelemetry.io/docs/specs/otlp/#otlphttp */
export interface OtlpReceiver extends AsyncDisposable {
  readonly endpoint: HttpEndpoint;
  /** The settings that make a process send its spans here. */
  readonly env: Readonly<Record<string, string>>;
  /** All received spans, in the order of their start. */
  spans(): readonly ReceivedSpan[];
  /** All spans of one trace, once one of them fits. */
  traceWith(fits: (span: ReceivedSpan) => boolean): Promise<readonly ReceivedSpan[]>;
}

type KeyValue = { readonly key: string; readonly value: Readonly<Record<string, unknown>> };
type Body = {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly spans: readonly RawSpan[] }[];
  }[];
};
type RawSpan = Omit<ReceivedSpan, 'service' | 'attributes' | 'events' | 'links' | 'startedAt' | 'endedAt'> & {
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly events?: readonly { readonly name: string; readonly attributes?: readonly KeyValue[] }[];
  readonly links?: ReceivedSpan['links'];
};

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const endpoint = await startHttpEndpoint();
  const spans = (): readonly ReceivedSpan[] =>
    endpoint.requests
      .filter(({ path }) => path === '/v1/traces')
      .flatMap(({ json }) => (json as Body).resourceSpans)
      .flatMap(({ resource, scopeSpans }) =>
        scopeSpans.flatMap((scope) => scope.spans).map((span) => read(span, valuesOf(resource.attributes))),
      )
      .sort((a, b) => a.startedAt - b.startedAt);
  return {
    endpoint,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
    spans,
    traceWith: async (fits) => {
      const { traceId } = await eventually<ReceivedSpan | null>(() => spans().find(fits) ?? null);
      return spans().filter((span) => span.traceId === traceId);
    },
    [Symbol.asyncDispose]: () => endpoint[Symbol.asyncDispose](),
  };
}

function read(span: RawSpan, resource: Readonly<Record<string, unknown>>): ReceivedSpan {
  return {
    ...span,
    service: String(resource['service.name']),
    parentSpanId: span.parentSpanId === '' ? undefined : span.parentSpanId,
    startedAt: Number(BigInt(span.startTimeUnixNano) / 1_000_000n),
    endedAt: Number(BigInt(span.endTimeUnixNano) / 1_000_000n),
    attributes: valuesOf(span.attributes),
    events: (span.events ?? []).map(({ name, attributes = [] }) => ({ name, attributes: valuesOf(attributes) })),
    links: span.links ?? [],
  };
}

function valuesOf(attributes: readonly KeyValue[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
