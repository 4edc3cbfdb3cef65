import { describe, expect, it } from 'vitest';
import { createRedact } from '../../runtime/log/redact.ts';
import { readConfig } from '../read-config.ts';
import { tracing } from './tracing.ts';

const CANARY = 'cAnArY7d1f8e2b9a';
const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const read = (env: Readonly<Record<string, string>>) => readConfig(env, { tracing }, [tracing]);

describe('the configuration of traces', () => {
  it('has none without an endpoint, or where they are turned off', () => {
    expect(read({ OTEL_EXPORTER_OTLP_HEADERS: 'a=b' }).config.tracing).toBeUndefined();
    expect(read({ [ENDPOINT]: 'http://c:4318', OTEL_SDK_DISABLED: 'true' }).config.tracing).toBeUndefined();
  });

  it('has defaults of OpenTelemetry, and adds the path to a base URL', () => {
    for (const base of ['http://c:4318', 'http://c:4318/'])
      expect(read({ [ENDPOINT]: base }).config.tracing).toMatchObject({
        url: 'http://c:4318/v1/traces',
        protocol: 'http/protobuf',
        compression: 'none',
        timeoutMs: 10_000,
        sampler: 'parentbased_always_on',
        ratio: 1,
        headers: {},
        serviceName: undefined,
      });
  });

  it('takes what is said of traces alone first', () => {
    const { config } = read({
      [ENDPOINT]: 'http://c:4318',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://other/x',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20one, x=1',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'authorization=Basic YT1i',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=at%20home',
    });
    expect(config.tracing).toMatchObject({
      url: 'https://other/x',
      headers: { authorization: 'Basic YT1i', x: '1' },
      resourceAttributes: { 'deployment.environment.name': 'at home' },
    });
  });

  it.each([
    { [ENDPOINT]: 'collector:4318' },
    { [ENDPOINT]: `grpc://${CANARY}/` },
    { OTEL_EXPORTER_OTLP_HEADERS: `a=b,${CANARY}` },
    { OTEL_EXPORTER_OTLP_HEADERS: `a b=${CANARY}` },
    { OTEL_EXPORTER_OTLP_TRACES_HEADERS: `a=%zz${CANARY}` },
    { OTEL_EXPORTER_OTLP_HEADERS: `a=${CANARY}%0d%0ab: c` },
    { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    { OTEL_EXPORTER_OTLP_COMPRESSION: 'zstd' },
    { OTEL_EXPORTER_OTLP_TIMEOUT: '10s' },
    { OTEL_RESOURCE_ATTRIBUTES: 'x' },
    { OTEL_TRACES_SAMPLER: 'jaeger_remote' },
    { OTEL_TRACES_SAMPLER_ARG: '1.5' },
    { OTEL_SDK_DISABLED: 'perhaps' },
  ])('refuses %o with words, and shows no key', (env) => {
    expect(() => read(env)).toThrow(new RegExp(`${Object.keys(env)[0]}: (?:expected|entry)`));
    expect(() => read(env)).not.toThrow(CANARY);
  });

  it('has every header and all of the path redacted, in each form', () => {
    const { secrets } = read({
      [ENDPOINT]: `https://u:${CANARY}@host/${CANARY}0123456789`,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${CANARY}1%2F2,x-key=${CANARY}3`,
    });
    const redact = createRedact(secrets);
    for (const text of [`Bearer ${CANARY}1/2`, `${CANARY}1%2F2`, `x ${CANARY}3`, `https://host/${CANARY}0123456789`])
      expect(redact(text)).not.toContain(CANARY);
  });

  it('warns of a name that nobody knows', () => {
    expect(read({ OTEL_EXPORTER_OTLP_HEADER: 'a=b' }).warnings).toEqual([
      'unknown variable OTEL_EXPORTER_OTLP_HEADER is ignored; did you mean OTEL_EXPORTER_OTLP_HEADERS?',
    ]);
  });
});
