import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startHttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../stage/processes/run-cli.ts';
import { setStack, type Stack } from '../stage/stack.ts';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../stage/witnesses/otlp-receiver.ts';

describe.skipIf(!hasRedis() || !hasPostgres())('traces and logs', () => {
  let receiver: OtlpReceiver;
  let stack: Stack;
  let processes: Awaited<ReturnType<Stack['startAll']>>;

  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    stack = await setStack(receiver.env);
  });
  afterAll(async () => {
    await stack?.[Symbol.asyncDispose]();
    await receiver?.[Symbol.asyncDispose]();
  });

  it('have one trace from schedule to restore test, through all processes', async () => {
    processes = await stack.startAll();
    const name = await stack.restored();
    const spans = await receiver.traceWith(({ name: span }) => span === 'process verify');
    const way = wayTo(spans, 'process verify');
    expect(way.map((span) => `${span.service}: ${span.name}`)).toEqual([
      'pgstow-scheduler: add dump.scheduled',
      'pgstow-dump-worker: schedule dump',
      'pgstow-dump-worker: process dump',
      'pgstow-dump-worker: add upload.upload',
      'pgstow-upload-worker: process upload',
      'pgstow-upload-worker: add verify.after-upload',
      'pgstow-verify-worker: process verify',
    ]);
    for (const span of way.filter((span) => span.name.startsWith('process'))) {
      expect(span.attributes).toMatchObject({
        'pgstow.name': name,
        'pgstow.database': 'shop',
        'pgstow.site': 'default',
      });
      expect(span.status.code).not.toBe(2);
    }
    for (const of of ['upload', 'verify'])
      expect(way.find((span) => span.name === `process ${of}`)?.attributes['pgstow.destination']).toBe('s3');
    // Nothing else is sent: no internals of BullMQ, and not the next run.
    await Promise.all(Object.values(processes).map((started) => started.stop()));
    expect(new Set(receiver.spans().map(({ traceId }) => traceId))).toEqual(new Set([spans[0]?.traceId]));
    for (const started of Object.values(processes)) expect(started.exit?.code).toBe(0);
  });

  it('follow one backup by its name: each line is JSON, and each of its jobs bears it', async () => {
    const name = await stack.restored();
    for (const [app, { lines }] of Object.entries(processes)) {
      const strange = lines.filter(({ text, json }) => {
        const isEvent =
          json?.['process'] === app && typeof json['level'] === 'number' && typeof json['msg'] === 'string';
        const isNamed = json?.['job'] === undefined || json['name'] === name;
        // A key that stands twice in a line is ambiguous.
        return !isEvent || !isNamed || text.split('"name":').length > 2;
      });
      expect(strange).toEqual([]);
    }
    for (const app of ['dump-worker', 'upload-worker', 'verify-worker'] as const)
      expect(processes[app].lines.filter(({ json }) => json?.['name'] === name).length).toBeGreaterThan(2);
  });

  it('have another trace for the next run, which links to the scheduler, with every attempt and its error in it', async () => {
    const worker = await stack.start('dump-worker');
    const [first] = receiver.spans();
    await stack.postgres.psql('postgres', 'alter database shop rename to away');
    const [next] = await stack.dumps.getDelayed();
    await next?.promote();
    const [failed] = await eventually<readonly ReceivedSpan[] | null>(() => {
      const found = receiver.spans().filter(({ status }) => status.code === 2);
      return found.length > 0 ? found : null;
    });
    expect(failed).toMatchObject({ name: 'process dump', attributes: { 'pgstow.database': 'shop' } });
    expect(failed?.events).toContainEqual({
      name: 'exception',
      attributes: expect.objectContaining({ 'exception.message': expect.stringContaining('"shop" does not exist') }),
    });
    await stack.postgres.psql('postgres', 'alter database away rename to shop');
    // Another worker goes on, as after a crash.
    await worker.stop();
    await stack.start('dump-worker');
    // The job failed for good, until a person retries it.
    await (await stack.dumps.getJob(next?.id ?? ''))?.retry();
    const spans = await receiver.traceWith(
      ({ name, traceId, status }) => name === 'process dump' && status.code !== 2 && traceId !== first?.traceId,
    );
    expect(spans[0]).toMatchObject({
      name: 'schedule dump',
      parentSpanId: undefined,
      links: [{ traceId: first?.traceId, spanId: first?.spanId }],
    });
    expect(spans.filter(({ name }) => name === 'schedule dump')).toHaveLength(1);
    expect(spans.filter(({ name }) => name === 'process dump').map(({ status }) => status.code)).toEqual([2, 0]);
    expect(failed?.traceId).toBe(spans[0]?.traceId);
  });

  it('continue with an upload that a crash has lost, and begin with the command line', async () => {
    const upload = await stack.start('upload-worker');
    const verify = await stack.start('verify-worker');
    const asked = await runCli(['dump', '--wait'], stack.settings);
    expect(asked).toMatchObject({ code: 0, stderr: '' });
    const name = /backup_\S+\.gz/.exec(asked.stdout)?.[0] ?? '';
    await stack.restored((restored) => restored === name);
    await upload.stop();
    await verify.stop();
    const uploads = (): readonly ReceivedSpan[] =>
      receiver.spans().filter((span) => span.name === 'process upload' && span.attributes['pgstow.name'] === name);
    expect(uploads()).toHaveLength(1);
    // As if the upload had never been.
    await rm(join(stack.folder, `${name}.s3.receipt.json`));
    await stack.start('upload-worker');
    await eventually(() => uploads().length === 2);
    const spans = await receiver.traceWith(({ spanId }) => spanId === uploads()[1]?.spanId);
    expect(spans[0]).toMatchObject({ service: 'pgstow-cli', name: 'add dump.ad-hoc', parentSpanId: undefined });
    expect(new Set(uploads().map(({ traceId }) => traceId)).size).toBe(1);
  });
});

describe.skipIf(!hasRedis() || !hasPostgres())('an endpoint for traces', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await setStack();
  });
  afterAll(() => stack?.[Symbol.asyncDispose]());

  it('receives its headers, and protobuf by default', async () => {
    await using endpoint = await startHttpEndpoint();
    const worker = await stack.start('dump-worker', {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20canary-otel-key',
      OTEL_SERVICE_NAME: 'backups',
    });
    const { id } = await stack.dumps.add('ad-hoc', { target: 'shop' });
    await eventually(async () => (await stack.dumps.getJobState(id ?? '')) === 'completed');
    // The rest is sent at the end.
    await worker.stop();
    const { headers, body } = await endpoint.received(({ path }) => path === '/v1/traces');
    expect(headers).toMatchObject({
      authorization: 'Bearer canary-otel-key',
      'content-type': 'application/x-protobuf',
    });
    for (const part of ['backups', 'process dump', 'pgstow.name']) expect(body).toContain(part);
    expect(worker.lines.map(({ text }) => text).join('\n')).not.toContain('canary');
  });

  it('has no worker stopped by a job whose trace is nonsense, or by such a note in Redis', async () => {
    await using endpoint = await startHttpEndpoint();
    const worker = await stack.start('dump-worker', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.url });
    for (const metadata of ['{', 'null', '{"traceparent":["00-x",5]}', { traceparent: '' }]) {
      const { id } = await stack.dumps.add(
        'ad-hoc',
        { target: 'shop' },
        { telemetry: { metadata: metadata as string } },
      );
      await eventually(async () => (await stack.dumps.getJobState(id ?? '')) === 'completed');
    }
    await worker.stop();
    const { dumps } = await readFolder(stack.folder);
    const { name } = dumps.at(-1)!.manifest;
    await using uploads = openQueue('upload', 'default', stack.connection);
    await uploads.remove(uploadJobId(name, 's3'));
    await stack.connection.set(`pgstow:default:trace:${name}`, '{');
    const another = await stack.start('dump-worker', { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.url });
    await eventually(async () => expect(await uploads.getJobState(uploadJobId(name, 's3'))).toBe('waiting'));
    await another.stop();
    // Later tests must not find it.
    await uploads.obliterate();
  });

  it('that hangs, refuses or answers 500 loses no job, and is logged once', async () => {
    await using endpoint = await startHttpEndpoint();
    const processes = await stack.startAll({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.url,
      OTEL_EXPORTER_OTLP_TIMEOUT: '2000',
    });
    const dumping = processes['dump-worker'];
    endpoint.answer('hang', 500, 'cut');
    await stack.cycle();
    await dumping.waitForLine(/traces cannot be sent/);
    endpoint.answer(200);
    await stack.cycle();
    await dumping.waitForLine(/traces are sent again/);
    expect(dumping.lines.filter(({ text }) => text.includes('traces cannot be sent'))).toHaveLength(1);
    endpoint.answer('hang');
    // The cycle ends with its restore test: stopping would wait for a running job.
    await stack.cycle();
    await Promise.all(Object.values(processes).map((started) => started.stop()));
    for (const started of Object.values(processes)) expect(started.exit?.code).toBe(0);
  });

  it('that is not set has no module of OpenTelemetry loaded', async () => {
    await using folder = await tempFolder();
    const hook = join(folder.path, 'hook.mjs');
    await writeFile(
      hook,
      `import { registerHooks } from 'node:module';
       registerHooks({
         resolve(name, context, next) {
           if (/opentelemetry|bullmq-otel/.test(name)) process.stderr.write('loads ' + name + String.fromCharCode(10));
           return next(name, context);
         },
       });`,
    );
    const loadedBy = async (env: Readonly<Record<string, string>>): Promise<readonly string[]> => {
      const worker = await stack.start('dump-worker', { NODE_OPTIONS: `--import ${hook}`, ...env });
      await worker.stop();
      return worker.lines.flatMap(({ text }) => (text.startsWith('loads ') ? [text] : []));
    };
    expect(await loadedBy({})).toEqual([]);
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
    expect(await loadedBy({ ...endpoint, OTEL_SDK_DISABLED: 'true' })).toEqual([]);
    expect(await loadedBy(endpoint)).toContain('loads bullmq-otel');
  });
});

/** The spans from the root of a trace to the one of that name. */
function wayTo(spans: readonly ReceivedSpan[], name: string): readonly ReceivedSpan[] {
  const way: ReceivedSpan[] = [];
  for (let at = spans.find((span) => span.name === name); at !== undefined;) {
    way.unshift(at);
    const { parentSpanId } = at;
    at = spans.find(({ spanId }) => spanId === parentSpanId);
  }
  return way;
}
