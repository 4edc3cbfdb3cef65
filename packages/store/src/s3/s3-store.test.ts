import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3';
import type { S3Config } from '@pgstow/shared/config/subjects/s3.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { startFaultProxy, type SeenRequest } from '@pgstow/testing/servers/fault-proxy.ts';
import { createS3TestClient, type S3Access } from '@pgstow/testing/servers/s3-client.ts';
import { REFUSALS, startS3 } from '@pgstow/testing/servers/s3-server.ts';
import { describe, expect, it } from 'vitest';
import { describeStore, type StoreUnderTest } from '../../testing/store-contract.ts';
import { HiddenError } from '../hidden-error.ts';
import { lookBeforePut } from '../look-before-put.ts';
import type { PutOptions } from '../store.ts';
import { readStoredManifest } from '../stored-manifest.ts';
import { S3Store } from './s3-store.ts';

const { signal } = new AbortController();

for (const checksum of ['none', 'crc32', 'sha256'] as const) {
  describeStore(`a stand-in for S3, checksum ${checksum}`, async () => {
    const s3 = await startS3();
    return storeAt(s3, { checksum }, async () => s3[Symbol.asyncDispose]());
  });
}

for (const { what, refuses, isMute } of [
  ...REFUSALS.map((refusal) => ({ what: refusal, refuses: [refusal], isMute: false })),
  { what: 'any of them', refuses: REFUSALS, isMute: false },
  { what: 'any of them, and does not say which', refuses: REFUSALS, isMute: true },
]) {
  describeStore(`a store that does not know ${what}`, async () => {
    const s3 = await startS3({ refuses, isMute });
    const tested = await storeAt(s3, { checksum: 'crc32', storageClass: 'STANDARD_IA' }, async () => {
      await s3[Symbol.asyncDispose]();
    });
    return { ...tested, listsOpenUploads: !refuses.includes('open-uploads') };
  });
}

const {
  PGSTOW_TEST_S3_ENDPOINT: endpoint,
  PGSTOW_TEST_S3_ACCESS_KEY_ID: accessKeyId = '',
  PGSTOW_TEST_S3_SECRET_ACCESS_KEY: secretAccessKey = '',
  PGSTOW_TEST_S3_REGION: region = 'us-east-1',
} = process.env;

const access: S3Access = { endpoint: endpoint ?? '', accessKeyId, secretAccessKey, region };

describe.skipIf(endpoint === undefined)(
  `a real server (${endpoint ?? 'set PGSTOW_TEST_S3_ENDPOINT, PGSTOW_TEST_S3_ACCESS_KEY_ID, PGSTOW_TEST_S3_SECRET_ACCESS_KEY'})`,
  () => {
    for (const checksum of ['none', 'crc32', 'sha256'] as const)
      describeStore(`checksum ${checksum}`, () => storeAt(access, { checksum }));

    it('says which part of the credentials it refuses, whatever the answer to HEAD leaves out', async () => {
      await using tested = await storeAt(access, {});
      const { bucket } = tested.store.destination;
      const look = async (credentials: S3Config['credentials']): Promise<unknown> => {
        using store = new S3Store(configOf(access, bucket, { credentials }));
        return await store.look('x', signal);
      };
      const unknown = { accessKeyId: 'AKIANOBODYKNOWSTHIS0', secretAccessKey };
      // OpenStack Swift takes an unknown key for a wrong secret.
      await expect(look(unknown)).rejects.toThrow(refusal('', 'AWS_ACCESS_KEY_ID'));
      const wrong = { accessKeyId, secretAccessKey: 'wrong' };
      await expect(look(wrong)).rejects.toThrow(refusal('SignatureDoesNotMatch', 'AWS_SECRET_ACCESS_KEY'));
    });
  },
);

describe('S3Store', () => {
  it('gives up on a server that accepts and never answers after S3_TIMEOUT, three times', async () => {
    await using silent = await startSilentServer();
    using store = new S3Store(configOf({ ...silent, ...KEYS }, 'backups', { timeoutMs: 1000 }));
    const startedAt = performance.now();
    await expect(store.look('x', signal)).rejects.toThrow(RetryableError);
    expect(performance.now() - startedAt).toBeGreaterThan(2900);
  });

  it('gives up on a content that stops coming', async () => {
    await using s3 = await startS3({ buckets: ['backups'] });
    await s3.putObject('backups', 'x', randomBytes(1000));
    // Names more bytes than it sends.
    await using stalling = await startSilentServer('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nbegun');
    using store = new S3Store(configOf({ ...stalling, ...KEYS }, 'backups', { timeoutMs: 1000 }));
    const readAll = async (): Promise<void> => {
      for await (const chunk of store.read('x', signal)) expect(Buffer.from(chunk).toString()).toBe('begun');
    };
    await expect(readAll()).rejects.toThrow(RetryableError);
  });

  it('says which right is wanting where it may not read, and takes nothing for gone', async () => {
    await using s3 = await startS3({ buckets: ['backups'] });
    await using proxy = await startFaultProxy({ targetPort: s3.port });
    await proxy.status(403, { body: DENIED });
    using store = new S3Store(configOf({ ...s3, endpoint: proxy.url }, 'backups', {}));
    await expect(store.look('x', signal)).rejects.toThrow(HiddenError);
    await expect(store.look('x', signal)).rejects.toThrow(
      refusal('look at s3://backups/x: AccessDenied', 's3:GetObject'),
    );
    await expect(store.read('x', signal).next()).rejects.toThrow(refusal('read s3://backups/x', 's3:GetObject'));
    await expect(readStoredManifest(store, NAME, signal)).rejects.toThrow(HiddenError);
  });

  it('takes what is hidden for absent before a put, unless a listing names it', async () => {
    await using s3 = await startS3({ buckets: ['backups'] });
    await using proxy = await startFaultProxy({ targetPort: s3.port });
    using store = new S3Store(configOf({ ...s3, endpoint: proxy.url }, 'backups', {}));
    await s3.putObject('backups', 'xyz', 'content');
    const isReading = ({ method, path }: SeenRequest) => method === 'HEAD' || path.includes('/backups/x');
    await proxy.status(403, { body: DENIED, when: isReading });
    expect(await lookBeforePut(store, 'x', signal)).toBeUndefined();
    await expect(lookBeforePut(store, 'xyz', signal)).rejects.toThrow(HiddenError);
    await proxy.status(403, { body: DENIED });
    expect(await lookBeforePut(store, 'xyz', signal)).toBeUndefined();
    await proxy.status(503, { body: '<Error><Code>SlowDown</Code><Message>later</Message></Error>' });
    await expect(lookBeforePut(store, 'xyz', signal)).rejects.toThrow(RetryableError);
  });

  it('leaves out what a store does not know from then on, says so once, and looks before it puts', async () => {
    await using s3 = await startS3({ buckets: ['backups'], refuses: REFUSALS });
    await using proxy = await startFaultProxy({ targetPort: s3.port });
    const config = configOf({ ...s3, endpoint: proxy.url }, 'backups', {
      checksum: 'crc32',
      storageClass: 'STANDARD_IA',
    });
    const said: string[] = [];
    using store = new S3Store(config, (_extra, sentence) => said.push(sentence));
    expect(await store.putText('x', 'first', putOptions('create'))).toBe('stored');
    expect(said.toSorted()).toEqual([
      expect.stringMatching(/^the store does not have the storage class STANDARD_IA .*\(InvalidStorageClass: .*\)$/),
      expect.stringMatching(
        /^the store does not know If-None-Match: pgstow looks what lies there .*Conditional object PUTs/,
      ),
      expect.stringMatching(
        /^the store does not know checksums: it is sent none.*\(InvalidArgument: Unsupported header/,
      ),
    ]);

    const before = proxy.requestCount;
    expect(await store.putText('y', 'first', putOptions('create'))).toBe('stored');
    expect(await store.putText('y', 'second', putOptions('create'))).toBe('occupied');
    expect(await store.listOpenUploads('', signal)).toEqual({ refused: expect.stringContaining('NotImplemented') });
    expect(await store.listOpenUploads('', signal)).toEqual({ refused: expect.stringContaining('NotImplemented') });
    const asked = proxy.requests.slice(before).map(({ method, path }) => `${method} ${path.split('?')[0]}`);
    // A HEAD of the bucket tells a missing object from a missing bucket.
    expect(asked).toEqual(['HEAD /backups/y', 'HEAD /backups/', 'PUT /backups/y', 'HEAD /backups/y', 'GET /backups/']);
    expect(said).toHaveLength(3);
  });

  it('does not put what a store cannot guard, where it may neither look nor list', async () => {
    await using s3 = await startS3({ buckets: ['backups'], refuses: ['if-none-match'] });
    await using proxy = await startFaultProxy({ targetPort: s3.port });
    using store = new S3Store(configOf({ ...s3, endpoint: proxy.url }, 'backups', {}));
    await s3.putObject('backups', 'x', 'first');
    await proxy.status(403, { body: DENIED, when: ({ method }) => method === 'HEAD' || method === 'GET' });
    await expect(store.putText('x', 'second', putOptions('create'))).rejects.toThrow(HiddenError);
    expect((await s3.getObject('backups', 'x')).toString()).toBe('first');
  });

  it('leaves out no encryption', async () => {
    await using s3 = await startS3({ buckets: ['backups'] });
    await using proxy = await startFaultProxy({ targetPort: s3.port });
    const isEncrypted = ({ headers }: SeenRequest) => headers['x-amz-server-side-encryption'] !== undefined;
    await proxy.status(501, {
      body: '<Error><Code>NotImplemented</Code><Message>no</Message></Error>',
      when: isEncrypted,
    });
    const said: string[] = [];
    const config = configOf({ ...s3, endpoint: proxy.url }, 'backups', { sse: 'AES256', checksum: 'crc32' });
    using store = new S3Store(config, (_extra, sentence) => said.push(sentence));
    await expect(store.putText('x', 'y', putOptions('create'))).rejects.toThrow(
      refusal('NotImplemented', 'unset S3_SSE'),
    );
    expect(said).toEqual([]);
    expect(await s3.listObjects('backups')).toEqual([]);
  });

  it('says which right is wanting where it may not list', async () => {
    await using s3 = await startS3({ buckets: ['backups'] });
    await using proxy = await startFaultProxy({ targetPort: s3.port });
    using store = new S3Store(configOf({ ...s3, endpoint: proxy.url }, 'backups', {}));
    const list = () => Array.fromAsync(store.list('x/', signal));
    await proxy.status(403, { body: '<Error><Code>AccessDenied</Code><Message>no</Message></Error>' });
    await expect(list()).rejects.toThrow(refusal('list s3://backups/x/: AccessDenied', 's3:ListBucket in the bucket'));
    await proxy.status(503, { body: '<Error><Code>SlowDown</Code><Message>later</Message></Error>' });
    await expect(list()).rejects.toThrow(RetryableError);
  });

  it.each(['', '<NextContinuationToken>again</NextContinuationToken>'])(
    'never takes a page of a listing for all of it: %s',
    async (next) => {
      const page = `<ListBucketResult><IsTruncated>true</IsTruncated>${next}<Contents><Key>x</Key><Size>1</Size></Contents></ListBucketResult>`;
      const head = `HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\ncontent-length: ${page.length}\r\n\r\n`;
      await using server = await startSilentServer(head + page);
      using store = new S3Store(configOf({ ...server, ...KEYS }, 'backups', {}));
      await expect(Array.fromAsync(store.list('', signal))).rejects.toThrow(/cut and does not say how it goes on/);
    },
  );

  it('counts what refuses to list open uploads as unable to tell', async () => {
    await using s3 = await startS3({ buckets: ['backups'] });
    await using proxy = await startFaultProxy({ targetPort: s3.port });
    using store = new S3Store(configOf({ ...s3, endpoint: proxy.url }, 'backups', {}));
    await proxy.status(403, { body: DENIED });
    expect(await store.listOpenUploads('x', signal)).toEqual({ refused: expect.stringContaining('AccessDenied') });
    await proxy.status(404, { body: '<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>' });
    await expect(store.listOpenUploads('x', signal)).rejects.toThrow(refusal('NoSuchBucket', 'Create the bucket'));
    await proxy.status(503, { body: '<Error><Code>SlowDown</Code><Message>later</Message></Error>' });
    await expect(store.listOpenUploads('x', signal)).rejects.toThrow(RetryableError);
    // Some say it in no words of S3.
    await proxy.status(501, { body: '<!doctype html><title>not implemented</title>' });
    expect(await store.listOpenUploads('x', signal)).toEqual({ refused: expect.stringContaining('list open uploads') });
  });
});

const DENIED = '<Error><Code>AccessDenied</Code><Message>no</Message></Error>';
const NAME = 'backup_shop_20260101_000000.sql.gz' as BackupName;
const KEYS = { accessKeyId: 'AKIAPGSTOWTESTING000', secretAccessKey: 'secret', region: 'us-east-1' };

async function storeAt(
  access: S3Access,
  more: Partial<S3Config>,
  release: () => Promise<void> = async () => undefined,
): Promise<StoreUnderTest & { readonly store: S3Store }> {
  const bucket = `pgstow-${randomBytes(6).toString('hex')}`;
  const client = createS3TestClient(access);
  await client.createBucket(bucket);
  const store = new S3Store(configOf(access, bucket, more));
  const withoutBucket = new S3Store(configOf(access, 'pgstow-does-not-exist', more));
  return {
    store,
    withoutBucket,
    absent: 'Create the bucket',
    listsOpenUploads: true,
    leaveOpen: async (Key) => {
      await client.sdk.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key }));
    },
    async [Symbol.asyncDispose]() {
      for (const one of [store, withoutBucket, client]) one[Symbol.dispose]();
      await release();
    },
  };
}

describe('a deletion', () => {
  it('in a bucket that keeps versions only hides', async () => {
    await using server = await startS3({ buckets: ['versions'], isVersioned: true });
    using store = new S3Store(configOf(server, 'versions', {}));
    await store.putText('a', 'x', putOptions('create'));
    expect(await store.delete('a', signal)).toBe('hidden');
    expect(await store.look('a', signal)).toBeUndefined();
  });

  it('that is forbidden is a fault for good, which names the right, Object Lock and the setting', async () => {
    await using server = await startS3({ buckets: ['locked'] });
    await using proxy = await startFaultProxy({ targetPort: server.port });
    await proxy.status(403, {
      body: '<Error><Code>AccessDenied</Code><Message>no</Message></Error>',
      when: ({ method }) => method === 'DELETE',
    });
    using store = new S3Store(configOf({ ...server, endpoint: proxy.url }, 'locked', {}));
    await store.putText('a', 'x', putOptions('create'));
    await expect(store.delete('a', signal)).rejects.toThrow(
      expect.objectContaining({
        name: 'PermanentError',
        message: 'delete s3://locked/a: AccessDenied: no',
        hint: expect.stringMatching(/s3:DeleteObject in the bucket locked\. If Object Lock .* S3_KEEP_\* is set\.$/),
      }),
    );
    expect(await store.look('a', signal)).toBeDefined();
  });
});

function putOptions(mode: PutOptions['mode']): PutOptions {
  return { mode, contentType: 'text/plain', metadata: {}, signal };
}

function configOf(access: S3Access, bucket: string, more: Partial<S3Config>): S3Config {
  const { accessKeyId, secretAccessKey } = access;
  return {
    destination: { name: 's3', endpoint: access.endpoint, bucket, prefix: '' },
    region: access.region,
    forcePathStyle: true,
    storageClass: undefined,
    sse: undefined,
    checksum: 'auto',
    confirm: 'auto',
    timeoutMs: 20_000,
    keep: undefined,
    credentials: { accessKeyId, secretAccessKey },
    ...more,
  };
}

function refusal(code: string, hint: string): Error {
  return expect.objectContaining({
    name: 'PermanentError',
    message: expect.stringContaining(code),
    hint: expect.stringContaining(hint),
  });
}

/** Accepts connections, says at most what is given to each request, and then nothing. */
async function startSilentServer(answer = ''): Promise<{ readonly endpoint: string } & AsyncDisposable> {
  const server = createServer((socket) => socket.on('error', () => undefined).on('data', () => socket.write(answer)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}
