import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { describe, expect, it } from 'vitest';
import { BUCKET } from '../stage/settings-of.ts';
import { MIB, makeDump, s3Error, setUploadStage, uploadJob, type UploadStage } from '../stage/upload-stage.ts';

describe.skipIf(!hasRedis())('a store that fails for a while', () => {
  it('with 500s, resets and silence gets the dump in the end', async () => {
    await using stage = await setUploadStage();
    const faults = [
      () => stage.proxy.status(500, { body: s3Error('InternalError'), times: 7 }),
      () => stage.proxy.status(503, { body: s3Error('SlowDown'), times: 4, when: ({ method }) => method === 'PUT' }),
      () => stage.proxy.reset({ times: 4 }),
      () => stage.proxy.reset({ afterBytes: MIB, times: 4 }),
      () => stage.proxy.hang({ times: 4 }),
      () => stage.proxy.hang({ times: 4, when: ({ path }) => path.includes('partNumber') }),
    ];
    const worker = await stage.startWorker({ S3_TIMEOUT: '1' });
    await worker.waitForLine(/"reconciled"/);
    for (const [index, setFault] of faults.entries()) {
      await setFault();
      const manifest = await makeDump(stage.folder, {
        bytes: 12 * MIB,
        takenAt: new Date(Date.UTC(2026, 0, 1 + index)),
      });
      await enqueue(stage, manifest, 30);
      await stage.uploaded(manifest);
    }
    expect(await stage.s3.listMultipartUploads(BUCKET)).toEqual([]);
  });

  it('for the whole job loses nothing: the next start uploads it', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder);
    await stage.proxy.refuse();
    await enqueue(stage, manifest, 2);
    const worker = await stage.startWorker();

    const job = await stage.failed(manifest.name);
    expect(job.attemptsMade).toBe(2);
    expect(job.failedReason).toMatch(/look at s3:\/\/backups\/site\/.*ECONNREFUSED/);
    await worker.stop();
    await stage.proxy.pass();
    await stage.startWorker();

    await stage.uploaded(manifest);
  });

  it('or whose keys come from a service that does, gets the dump in the end', async () => {
    await using stage = await setUploadStage();
    await using metadata = await startMetadataService(stage, { faults: 12 });
    const manifest = await makeDump(stage.folder);
    await enqueue(stage, manifest, 30);
    const worker = await stage.startWorker({
      AWS_ACCESS_KEY_ID: '',
      AWS_SECRET_ACCESS_KEY: '',
      AWS_CONTAINER_CREDENTIALS_FULL_URI: metadata.url,
    });

    await stage.uploaded(manifest);

    expect(worker.tail).toMatch(/look at s3:\/\/backups\/.*hint: Set AWS_ACCESS_KEY_ID .* or give this host a role/);
  });

  it('that keeps other bytes than it received is found out, and gets the dump again', async () => {
    await using stage = await setUploadStage();
    const flip = (chunk: Buffer): Buffer => {
      const changed = Buffer.from(chunk);
      changed[0] = changed[0]! ^ 1;
      return changed;
    };
    const manifest = await makeDump(stage.folder, { bytes: 12 * MIB });
    await stage.proxy.corrupt(flip, { times: 1, when: ({ path }) => path.includes('partNumber=2') });
    await enqueue(stage, manifest, 5);
    const worker = await stage.startWorker();

    await stage.uploaded(manifest);

    expect(worker.tail).toMatch(/the store does not hold what was put/);
    expect(worker.tail).toMatch(/the copy there is damaged/);
  });
});

/** A service for the keys of a container's role, which fails at first. */
async function startMetadataService({ s3 }: UploadStage, { faults }: { readonly faults: number }) {
  let asked = 0;
  const server = createServer((_request, answer) => {
    asked += 1;
    if (asked <= faults) return answer.writeHead(503).end();
    const Expiration = new Date(Date.now() + 3600_000).toISOString();
    const keys = { AccessKeyId: s3.accessKeyId, SecretAccessKey: s3.secretAccessKey, Token: 'token', Expiration };
    return answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(keys));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function enqueue(stage: UploadStage, { name }: Manifest, attempts: number): Promise<void> {
  const jobId = uploadJobId(name, 's3');
  await stage.queue.add('upload', uploadJob(name), { jobId, attempts, backoff: { type: 'capped', delay: 100 } });
}
