import { randomBytes } from 'node:crypto';
import { mkdtempDisposable, open, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileDigests } from '../src/file-digests.ts';
import { compareObject } from '../src/object-comparison.ts';
import type { PutFileOptions, PutOptions, Store } from '../src/store.ts';

/** A store under test, with a bucket or folder of its own. */
export type StoreUnderTest = AsyncDisposable & {
  readonly store: Store;
  /** The same, with a bucket or folder that does not exist. */
  readonly withoutBucket: Store;
  /** Part of the hint that says so. */
  readonly absent: string;
  /** Whether the store knows how to list open uploads. */
  readonly listsOpenUploads: boolean;
  /** Begins an upload in parts and leaves it open. */
  leaveOpen(key: string): Promise<void>;
};

const MIB = 1024 * 1024;

/** The contract of `Store`, as a suite for each implementation. */
export function describeStore(name: string, setUp: () => Promise<StoreUnderTest>): void {
  describe(`the store contract: ${name}`, () => {
    const { signal } = new AbortController();
    let tested: StoreUnderTest;
    let store: Store;
    beforeAll(async () => {
      tested = await setUp();
      ({ store } = tested);
    });
    afterAll(() => tested[Symbol.asyncDispose]());

    it('has nothing where nothing was put', async () => {
      expect(await store.look('nothing', signal)).toBeUndefined();
      await expect(readAll(store, 'nothing')).rejects.toThrow(PermanentError);
    });

    it.each([
      ['in one request', 1000],
      ['in one part to the byte', 8 * MIB],
      ['in parts', 20 * MIB],
    ])('keeps a file put %s, and says what can be compared with it', async (how, bytes) => {
      const key = `files/${how} é+&`;
      const content = randomBytes(bytes);
      const progress: number[] = [];
      expect(await putFile(store, key, content, { onProgress: (sent) => progress.push(sent) })).toBe('stored');

      const object = await store.look(key, signal);
      expect(object).toMatchObject({ bytes, metadata: { sha256: 'abc', 'taken-at': '2026-01-01T00:00:00Z' } });
      expect(object && compareObject(object, await digest(store, content))).toMatchObject({ verdict: 'same' });
      expect((await readAll(store, key)).equals(content)).toBe(true);
      expect(progress.at(-1)).toBe(bytes);
      expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    });

    it('does not put over what lies there unless told to', async () => {
      const key = 'taken';
      await store.putText(key, 'first', textOptions('create'));
      expect(await store.putText(key, 'second', textOptions('create'))).toBe('occupied');
      expect(await putFile(store, key, randomBytes(100))).toBe('occupied');
      expect(await putFile(store, key, randomBytes(9 * MIB))).toBe('occupied');
      expect((await readAll(store, key)).toString()).toBe('first');
      expect(await list(key)).toEqual([]);

      expect(await store.putText(key, 'third', textOptions('replace'))).toBe('stored');
      expect((await readAll(store, key)).toString()).toBe('third');
    });

    it('lists every object under a prefix and its size, more than a page of them', async () => {
      const keys = Array.from({ length: 1005 }, (_, index) => `many/${String(index).padStart(4, '0')}`);
      const puts = [...keys, 'manyfold'];
      while (puts.length > 0) {
        const batch = puts.splice(0, 50);
        await Promise.all(batch.map((key) => store.putText(key, key.slice(5), textOptions('replace'))));
      }
      const found = await Array.fromAsync(store.list('many/', signal));
      expect(found.map(({ key }) => key).sort()).toEqual(keys);
      expect(found.every(({ bytes }) => bytes === 4)).toBe(true);
      const last = found.find(({ key }) => key === 'many/1004');
      expect(last?.etag).toBe((await store.look('many/1004', signal))?.etag);
      const behind = await Array.fromAsync(store.list('many/', signal, 'many/1002'));
      expect(behind.map(({ key }) => key)).toEqual(expect.arrayContaining(['many/1003', 'many/1004']));
      expect((await Array.fromAsync(store.list('manyfold', signal))).length).toBe(1);
      expect(await Array.fromAsync(store.list('nothing/', signal))).toEqual([]);
    });

    it('deletes an object, and nothing else; none is no error', async () => {
      for (const key of ['gone/a', 'gone/ab', 'gone/a.json']) await store.putText(key, 'x', textOptions('create'));
      expect(await store.delete('gone/a', signal)).toBe('deleted');
      expect(await store.look('gone/a', signal)).toBeUndefined();
      const left = await Array.fromAsync(store.list('gone/', signal));
      expect(left.map(({ key }) => key).sort()).toEqual(['gone/a.json', 'gone/ab']);
      expect(await store.delete('gone/a', signal)).toBe('deleted');
      expect(await store.putText('gone/a', 'again', textOptions('create'))).toBe('stored');
      expect((await readAll(store, 'gone/a')).toString()).toBe('again');
      const reason = new Error('enough');
      await expect(store.delete('gone/ab', AbortSignal.abort(reason))).rejects.toBe(reason);
      expect(await store.look('gone/ab', signal)).toBeDefined();
    });

    it('lists uploads that were left open, under a prefix, and drops them, or says that it cannot', async () => {
      const { listsOpenUploads } = tested;
      expect('refused' in (await store.listOpenUploads('open/', signal))).toBe(!listsOpenUploads);
      const keys = ['open/a', 'open/a', 'open/b', 'openness'];
      for (const key of keys) await tested.leaveOpen(key);

      const open = await list('open/');
      expect(open.map(({ key }) => key).sort()).toEqual(listsOpenUploads ? ['open/a', 'open/a', 'open/b'] : []);
      for (const { startedAt } of open) expect(Math.abs(startedAt.getTime() - Date.now())).toBeLessThan(10 * 60_000);

      for (const upload of open) await store.abortUpload(upload, signal);
      expect(await list('open/')).toEqual([]);
      expect((await list('openness')).length).toBe(listsOpenUploads ? 1 : 0);
      for (const upload of open) await store.abortUpload(upload, signal);
    });

    it('ends soon with the reason of the signal, and leaves nothing open', async () => {
      const reason = new Error('enough');
      await expect(store.look('x', AbortSignal.abort(reason))).rejects.toBe(reason);

      const controller = new AbortController();
      const put = putFile(store, 'aborted', randomBytes(40 * MIB), {
        signal: controller.signal,
        onProgress: () => controller.abort(reason),
      });
      await expect(put).rejects.toBe(reason);
      expect(await store.look('aborted', signal)).toBeUndefined();
      expect(await list('aborted')).toEqual([]);

      await putFile(store, 'half-read', randomBytes(4 * MIB));
      const reading = new AbortController();
      const read = async (): Promise<void> => {
        for await (const chunk of store.read('half-read', reading.signal)) if (chunk.length > 0) reading.abort(reason);
      };
      await expect(read()).rejects.toBe(reason);

      const listing = new AbortController();
      const listAll = async (): Promise<void> => {
        for await (const { key } of store.list('', listing.signal)) if (key !== '') listing.abort(reason);
      };
      await expect(listAll()).rejects.toBe(reason);
    });

    it('says for good that its bucket or folder does not exist', async () => {
      const { withoutBucket, absent } = tested;
      for (const work of [
        () => withoutBucket.look('x', signal),
        () => withoutBucket.putText('x', 'y', textOptions('create')),
        () => readAll(withoutBucket, 'x'),
        () => putFile(withoutBucket, 'x', randomBytes(9 * MIB)),
        () => Array.fromAsync(withoutBucket.list('', signal)),
        () => withoutBucket.delete('x', signal),
      ]) {
        await expect(work()).rejects.toThrow(
          expect.objectContaining({ name: 'PermanentError', hint: expect.stringContaining(absent) }),
        );
      }
    });

    async function list(prefix: string) {
      const open = await store.listOpenUploads(prefix, signal);
      if (!('refused' in open)) return open;
      if (tested.listsOpenUploads) throw new Error(open.refused);
      return [];
    }
  });
}

function textOptions(mode: PutOptions['mode']): PutOptions {
  return { mode, contentType: 'text/plain', metadata: {}, signal: new AbortController().signal };
}

async function putFile(store: Store, key: string, content: Buffer, options: Partial<PutFileOptions> = {}) {
  return withFile(content, (file) =>
    store.putFile(key, file, {
      mode: 'create',
      contentType: 'application/gzip',
      metadata: { sha256: 'abc', 'taken-at': '2026-01-01T00:00:00Z' },
      digests: digestsOf(store, file, content),
      onProgress: () => undefined,
      signal: new AbortController().signal,
      ...options,
    }),
  );
}

function digestsOf({ checksum }: Store, file: FileHandle, content: Buffer): FileDigests {
  return new FileDigests(file, { bytes: content.length, checksum, signal: new AbortController().signal });
}

async function digest(store: Store, content: Buffer) {
  return withFile(content, (file) => digestsOf(store, file, content).whole());
}

async function withFile<T>(content: Buffer, work: (file: Awaited<ReturnType<typeof open>>) => Promise<T>): Promise<T> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'pgstow-store-'));
  const path = join(folder.path, 'file');
  await writeFile(path, content);
  await using file = await open(path);
  return await work(file);
}

async function readAll(store: Store, key: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.read(key, new AbortController().signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
