import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { queuePrefix } from '@pgstow/shared/runtime/queue.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/capabilities.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from './otlp-receiver.ts';
import { runCli } from './run-cli.ts';
import { setStack, type Stack } from './stack.ts';

const OPTIONS = { timeout: 180_000 };

describe.skipIf(!hasRedis() || !hasPostgres())('traces', OPTIONS, () => {
  let receiver: OtlpReceiver;
  let stack: Stack;

  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    stack = await setStack(receiver.env);
  }, 60_000);
  afterAll(async () => {
    await stack?.[Symbol.asyncDispose]();
    await receiver?.[Symbol.asyncDispose]();
  });

  it('are one from schedule to restore test, through all processes', async () => {
    const processes = await stack.startAll();
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
      expect(span.attributes).toMatchObject({ 'pgstow.name': name, 'pgstow.database': 'shop', 'pgstow.site': 'default' });
      expect(span.status.code).not.toBe(2);
    }
    for (const of of ['upload', 'verify'])
      expect(way.find((span) => span.name === `process ${of}`)?.attributes['pgstow.destination']).toBe('s3');
    // And nothing else is sent: none of what BullMQ does for itself, and not the next run.
    await Promise.all(Object.values(processes).map((started) => started.stop()));
    expect(new Set(receiver.spans().map(({ traceId }) => traceId))).toEqual(new Set([spans[0]?.traceId]));
    for (const started of Object.values(processes)) expect(started.exit?.code).toBe(0);
  });

  it('of the next run are another one, which links to the scheduler, with every attempt and its error in it', async () => {
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
    // By another worker, as after a crash.
    await worker.stop();
    await stack.start('dump-worker');
    await (await stack.dumps.getJob(next?.id ?? ''))?.retry().catch(async () => {
      await (await stack.dumps.getJob(next?.id ?? ''))?.promote();
    });
    const spans = await receiver.traceWith(({ name, traceId }) => name.startsWith('add upload') && traceId !== first?.traceId);
    expect(spans[0]).toMatchObject({
      name: 'schedule dump',
      parentSpanId: undefined,
      links: [{ traceId: first?.traceId, spanId: first?.spanId }],
    });
    expect(spans.filter(({ name }) => name === 'schedule dump')).toHaveLength(1);
    expect(spans.filter(({ name }) => name === 'process dump').map(({ status }) => status.code)).toEqual([2, 0]);
    expect(failed?.traceId).toBe(spans[0]?.traceId);
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
