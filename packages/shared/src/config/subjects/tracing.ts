import { z } from 'zod';
import { defineSubject, type Built, type ReportFault } from '../subject.ts';
import { secretsInUrl } from '../values/url-secrets.ts';
import { wholeNumber } from '../values/whole-number.ts';

const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

const url = z.url({ protocol: /^https?$/, error: 'expected a URL such as http://collector:4318' }).optional();

/**
 * The names and their meaning are OpenTelemetry's:
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/ and
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export const tracing = defineSubject({
  title: 'Traces',
  variables: {
    OTEL_EXPORTER_OTLP_ENDPOINT: {
      schema: url,
      secret: secretsInUrl,
      description:
        'Base URL of an OTLP/HTTP receiver such as `http://collector:4318`, to which `/v1/traces` is added: each backup is a trace there (docs/monitoring.md). Without one nothing of OpenTelemetry is loaded.',
    },
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {
      schema: url,
      secret: secretsInUrl,
      description: 'The same as a whole URL, to which nothing is added. It has precedence.',
    },
    OTEL_EXPORTER_OTLP_HEADERS: {
      schema: z.string().optional(),
      secret: secretsInHeaders,
      description: 'Headers of each request, for a key: `name=value,other=value`, values percent-encoded.',
    },
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: {
      schema: z.string().optional(),
      secret: secretsInHeaders,
      description: 'More headers, with precedence over those above.',
    },
    OTEL_EXPORTER_OTLP_PROTOCOL: {
      schema: z.enum(['http/protobuf', 'http/json']).default('http/protobuf'),
      description: '`http/protobuf` or `http/json`; there is no gRPC.',
    },
    OTEL_EXPORTER_OTLP_COMPRESSION: {
      schema: z.enum(['none', 'gzip']).default('none'),
      description: '`none` or `gzip`.',
    },
    OTEL_EXPORTER_OTLP_TIMEOUT: {
      schema: wholeNumber('a number of milliseconds', 1, 600_000).default(10_000),
      description: 'Milliseconds that a request may take. No job waits for it.',
    },
    OTEL_EXPORTER_OTLP_CERTIFICATE: {
      schema: z.string().optional(),
      description: "Path of the certificates that the receiver's is checked with, in PEM, instead of Node's own.",
    },
    OTEL_SERVICE_NAME: {
      schema: z.string().optional(),
      defaultText:
        '`pgstow-scheduler`, `pgstow-dump-worker`, `pgstow-upload-worker`, `pgstow-verify-worker`, `pgstow-cli`',
      description: 'Name of the service. Best left unset: all processes would have the same name.',
    },
    OTEL_RESOURCE_ATTRIBUTES: {
      schema: z.string().optional(),
      description: 'Attributes of every span: `name=value,other=value`, values percent-encoded.',
    },
    OTEL_TRACES_SAMPLER: {
      schema: z.enum(samplers).default('parentbased_always_on'),
      description: `Which traces are kept: ${samplers.map((name) => `\`${name}\``).join(', ')}.`,
    },
    OTEL_TRACES_SAMPLER_ARG: {
      schema: z
        .string()
        .refine((text) => /^\s*(?:0?\.\d+|[01](?:\.0*)?)\s*$/.test(text), 'expected a number from 0 to 1')
        .transform(Number)
        .optional(),
      defaultText: '`1`',
      description: 'Part of all traces that a sampler by ratio keeps, 0 to 1.',
    },
    OTEL_SDK_DISABLED: {
      schema: z.stringbool({ truthy: ['true'], falsy: ['false'], error: 'expected true or false' }).default(false),
      defaultText: '`false`',
      description: '`true` turns traces off, whatever else is set.',
    },
  },
  build(values, report) {
    const headers = {
      ...readPairs('OTEL_EXPORTER_OTLP_HEADERS', values.OTEL_EXPORTER_OTLP_HEADERS, HEADER_NAME, report),
      ...readPairs('OTEL_EXPORTER_OTLP_TRACES_HEADERS', values.OTEL_EXPORTER_OTLP_TRACES_HEADERS, HEADER_NAME, report),
    };
    const attributes = readPairs('OTEL_RESOURCE_ATTRIBUTES', values.OTEL_RESOURCE_ATTRIBUTES, /^[!-~]+$/, report);
    const base = values.OTEL_EXPORTER_OTLP_ENDPOINT;
    const url = values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base && `${base.replace(/\/$/, '')}/v1/traces`);
    if (url === undefined || values.OTEL_SDK_DISABLED) return undefined;
    return {
      url,
      headers,
      protocol: values.OTEL_EXPORTER_OTLP_PROTOCOL,
      compression: values.OTEL_EXPORTER_OTLP_COMPRESSION,
      timeoutMs: values.OTEL_EXPORTER_OTLP_TIMEOUT,
      /** Path of the certificates that sign the endpoint's, if they are not Node's own. */
      certificate: values.OTEL_EXPORTER_OTLP_CERTIFICATE,
      /** One name for all processes; `undefined`: each has its own. */
      serviceName: values.OTEL_SERVICE_NAME,
      resourceAttributes: attributes,
      sampler: values.OTEL_TRACES_SAMPLER,
      /** Part of all traces that a sampler by ratio keeps, 0 to 1. */
      ratio: values.OTEL_TRACES_SAMPLER_ARG ?? 1,
    };
  },
});

/** The receiver of spans, and how they are sent. */
export type TracingConfig = NonNullable<Built<typeof tracing>>;

/** A token of RFC 9110, section 5.6.2. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Reads `name=value,other=value`. A fault gives an entry's position and not its text, which may be a key. */
function readPairs(
  variable: string,
  text: string | undefined,
  nameForm: RegExp,
  report: ReportFault,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    splitEntries(text).flatMap((entry, index) => {
      const [name = '', ...rest] = entry.split('=');
      const value = decoded(rest.join('=').trim());
      if (rest.length > 0 && nameForm.test(name.trim()) && value !== undefined && !/[\r\n\0]/.test(value))
        return [[name.trim(), value]];
      report(variable, `entry ${index + 1} is not name=value with a percent-encoded value`);
      return [];
    }),
  );
}

function splitEntries(text: string | undefined): readonly string[] {
  return (text ?? '').split(',').filter((entry) => entry.trim() !== '');
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Every value, encoded and decoded, and what follows a scheme such as `Bearer`. Of an entry without `=`, all of it. */
function secretsInHeaders(text: string): readonly string[] {
  return splitEntries(text).flatMap((entry) => {
    const value = entry.slice(entry.indexOf('=') + 1).trim();
    const forms = [value, decoded(value) ?? value];
    return [...forms, ...forms.flatMap((form) => /^\w+(?: |%20)(.{6,})$/is.exec(form)?.[1] ?? [])];
  });
}
