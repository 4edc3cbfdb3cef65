import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import type { SeenRequest } from '@pgstow/testing/servers/fault-proxy.ts';
import type { Job } from 'bullmq';
import { describe, expect, it } from 'vitest';
import { BUCKET } from '../stage/settings-of.ts';
import { PREFIX, makeDump, s3Error, setUploadStage } from '../stage/upload-stage.ts';

describe.skipIf(!hasRedis())('what only a person can mend fails at once with a hint, and succeeds once mended', () => {
  it('a bucket that does not exist', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder);
    await stage.startWorker({ S3_BUCKET: 'nowhere' });

    const job = await stage.failed(manifest.name);
    expect(job.attemptsMade).toBe(1);
    expect(job.failedReason).toMatch(/NoSuchBucket[^]*hint: Create the bucket nowhere at http/);

    await stage.s3.createBucket('nowhere');
    await retried(job);
    expect(await stage.s3.headObject('nowhere', PREFIX + manifest.name)).toBeDefined();
  });

  it.each([
    ['InvalidAccessKeyId', 403, /InvalidAccessKeyId[^]*hint: Check AWS_ACCESS_KEY_ID/],
    ['SignatureDoesNotMatch', 403, /SignatureDoesNotMatch[^]*hint: Check AWS_SECRET_ACCESS_KEY/],
    ['ExpiredToken', 400, /ExpiredToken[^]*hint: Renew AWS_ACCESS_KEY_ID/],
    ['AccessDenied', 403, /AccessDenied[^]*hint: Allow this access key s3:PutObject/],
    ['PermanentRedirect', 301, /PermanentRedirect[^]*hint: Set S3_REGION \(eu-central-1\)/],
  ])('credentials or a region that the store answers with %s', async (code, status, reason) => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder);
    await stage.proxy.status(status, { body: s3Error(code) });
    await stage.startWorker();

    const job = await stage.failed(manifest.name);
    expect(job.failedReason).toMatch(reason);
    expect(job.attemptsMade).toBe(1);

    await stage.proxy.pass();
    await retried(job);
    await stage.uploaded(manifest);
  });

  it('an encryption that the store does not have', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder);
    const isEncrypted = ({ headers }: SeenRequest) => headers['x-amz-server-side-encryption'] !== undefined;
    await stage.proxy.status(501, { body: s3Error('NotImplemented'), when: isEncrypted });
    await stage.startWorker({ S3_SSE: 'AES256' });
    expect((await stage.failed(manifest.name)).failedReason).toMatch(/hint: .*unset S3_SSE/);
    expect(await stage.s3.listObjects(BUCKET)).toEqual([]);
  });

  it.each([
    ['that speaks no HTTP', 'http', /hint: Check S3_ENDPOINT .*does not speak HTTP/],
    ['that speaks no TLS', 'https', /hint: Check S3_ENDPOINT .*Does it speak TLS/],
  ])('an endpoint %s', async (_what, protocol, reason) => {
    await using stage = await setUploadStage();
    await using other = await startGreeter();
    const manifest = await makeDump(stage.folder);
    const worker = await stage.startWorker({ S3_ENDPOINT: `${protocol}://127.0.0.1:${other.port}` });
    const job = await stage.failed(manifest.name);
    expect(job.failedReason).toMatch(reason);
    expect(job.attemptsMade).toBe(1);

    await worker.stop();
    await stage.startWorker();
    await stage.uploaded(manifest);
  });

  it('a web server instead of a store', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder);
    await stage.proxy.status(404, { body: '<!doctype html><title>not here</title>' });
    await stage.startWorker();
    expect((await stage.failed(manifest.name)).failedReason).toMatch(
      /hint: .*check S3_BUCKET, S3_REGION and S3_ENDPOINT/,
    );
  });
});

async function retried(job: Job<unknown>): Promise<void> {
  await job.retry('failed', { resetAttemptsMade: true });
  await eventually(() => job.isCompleted());
}

/** A server that speaks another protocol, and speaks first. */
async function startGreeter(): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.resume().end('SSH-2.0-OpenSSH_9.2\r\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}
