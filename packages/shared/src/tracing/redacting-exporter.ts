import type { Attributes } from '@opentelemetry/api';
import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { describeError } from '../runtime/errors.ts';
import type { Log } from '../runtime/log/log.ts';
import type { Redact } from '../runtime/log/redact.ts';

/** Sends spans without secrets. Logs once that they cannot be sent, and once that they can again. */
export class RedactingExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #log: Log;
  readonly #redact: Redact;
  #isFailing = false;

  constructor(exporter: SpanExporter, log: Log, redact: Redact) {
    this.#exporter = exporter;
    this.#log = log;
    this.#redact = redact;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(
      spans.map((span) => withoutSecrets(span, this.#redact)),
      (result) => {
        this.#note(result);
        done(result);
      },
    );
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  #note({ code, error }: ExportResult): void {
    const isFailing = code !== ExportResultCode.SUCCESS;
    if (isFailing === this.#isFailing) return;
    this.#isFailing = isFailing;
    if (isFailing)
      this.#log.warn({ err: this.#redact(describeError(error)) }, 'traces cannot be sent, and are lost; no job waits');
    else this.#log.info('traces are sent again');
  }
}

/** BullMQ writes error messages on spans, which may hold secrets. */
function withoutSecrets(span: ReadableSpan, redact: Redact): ReadableSpan {
  const { message } = span.status;
  return Object.create(span, {
    attributes: { value: clean(span.attributes, redact) },
    events: { value: span.events.map((event) => ({ ...event, attributes: clean(event.attributes ?? {}, redact) })) },
    status: { value: message === undefined ? span.status : { ...span.status, message: redact(message) } },
  }) as ReadableSpan;
}

function clean(attributes: Attributes, redact: Redact): Attributes {
  const cleanValue = (value: Attributes[string]): Attributes[string] => {
    if (typeof value === 'string') return redact(value);
    return Array.isArray(value) ? (value as Attributes[string][]).map(cleanValue) : value;
  };
  return Object.fromEntries<Attributes[string]>(
    Object.entries(attributes).map(([name, value]) => [name, cleanValue(value)]),
  );
}
