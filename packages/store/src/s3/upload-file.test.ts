import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { S3Config } from '@pgstow/shared/config/subjects/s3.ts';
import { collectGarbage } from '@pgstow/shared/runtime/collect-garbage.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startFaultProxy } from '@pgstow/testing/servers/fault-proxy.ts';
import { startS3 } from '@pgstow/testing/servers/s3-server.ts';
import { describe, expect, it } from 'vitest';
import { FileDigests } from '../file-digests.ts';
import { compareObject } from '../object-comparison.ts';
import { S3Store } from './s3-store.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const { signal } = new AbortController();

describe('putFile of S3Store', () => {
  it('holds nothing of the parts that it sends', async () => {
    await using s3 = await startS3({ buckets: ['backups'] });
    using store = storeAt(s3.endpoint);
    await using sparse = await sparseFile(128 * MIB);
    const digests = digestsOf(sparse.file, 128 * MIB);
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const onProgress = (): void => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    };
    expect(await store.putFile('x', sparse.file, { ...OPTIONS, digests, onProgress })).toBe('stored');
    expect(digests.parts).toEqual({ partBytes: 16 * MIB, count: 8 });
    // Four parts are under way.
    expect(most).toBeLessThan(16 * MIB);
  });

  it('reads a part again that a store did not take at first', async () => {
    await using s3 = await startS3({ buckets: ['backups'] });
    await using proxy = await startFaultProxy({ targetPort: s3.port });
    using store = storeAt(proxy.url);
    await using sparse = await sparseFile(20 * MIB);
    for (const [index, text] of ['first', 'second', 'third'].entries()) await sparse.file.write(text, index * 8 * MIB);
    const digests = digestsOf(sparse.file, 20 * MIB);
    await proxy.reset({ afterBytes: MIB, times: 2, when: ({ path }) => path.includes('partNumber=2') });

    expect(await store.putFile('x', sparse.file, { ...OPTIONS, digests })).toBe('stored');

    const sent = proxy.requests.filter(({ path }) => path.includes('partNumber=2'));
    expect(sent).toHaveLength(3);
    expect(new Set(sent.map(({ headers }) => headers['content-md5'])).size).toBe(1);
    const object = await store.look('x', signal);
    expect(object && compareObject(object, await digests.whole())).toEqual({ verdict: 'same', by: 'etag' });
  });

  it('makes no object of a file that the digests refuse, and leaves nothing open', async () => {
    await using s3 = await startS3({ buckets: ['backups'] });
    using store = storeAt(s3.endpoint);
    for (const bytes of [MIB, 20 * MIB]) {
      await using sparse = await sparseFile(bytes);
      const check = () => {
        throw new Error('not this one');
      };
      const digests = new FileDigests(sparse.file, { bytes, checksum: undefined, signal, check });
      await expect(store.putFile('x', sparse.file, { ...OPTIONS, digests })).rejects.toThrow('not this one');
    }
    expect(await s3.listObjects('backups')).toEqual([]);
    expect(await s3.listMultipartUploads('backups')).toEqual([]);
  });

  it.each([
    ['https://s3.example.com', 5 * 1024 * GIB, /^put s3:\/\/backups\/x: it has 5\.0 TiB, .* 5\.0 TiB at most$/],
    [undefined, 50_000 * GIB, /AWS is taken to have 48\.8 TiB at most$/],
  ])('refuses at once what is too large for an object at %s', async (endpoint, most, message) => {
    using store = storeAt(endpoint);
    await using sparse = await sparseFile(1);
    const digests = digestsOf(sparse.file, most + 1);
    await expect(store.putFile('x', sparse.file, { ...OPTIONS, digests })).rejects.toThrow(
      expect.objectContaining({
        name: 'PermanentError',
        message: expect.stringMatching(message),
        hint: expect.stringContaining('--exclude-table-data'),
      }),
    );
  });
});

const OPTIONS = {
  mode: 'create',
  contentType: 'application/gzip',
  metadata: {},
  onProgress: () => undefined,
  signal,
} as const;

function storeAt(endpoint: string | undefined): S3Store {
  const config: S3Config = {
    destination: { name: 's3', endpoint, bucket: 'backups', prefix: '' },
    region: 'us-east-1',
    forcePathStyle: true,
    storageClass: undefined,
    sse: undefined,
    checksum: 'none',
    confirm: 'auto',
    timeoutMs: 20_000,
    keep: undefined,
    credentials: { accessKeyId: 'AKIAPGSTOWTESTING000', secretAccessKey: 'secret' },
  };
  return new S3Store(config);
}

function digestsOf(file: ConstructorParameters<typeof FileDigests>[0], bytes: number): FileDigests {
  return new FileDigests(file, { bytes, checksum: undefined, signal });
}

/** A file that takes no room on the disk. */
async function sparseFile(bytes: number) {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  const file = stack.use(await open(join(folder.path, 'file'), 'wx+'));
  await file.truncate(bytes);
  const owned = stack.move();
  return { file, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
