import { createHash, randomBytes } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { describe, expect, it } from 'vitest';
import { FileDigests, type DigestOptions } from './file-digests.ts';

const PART = 8 * 1024 * 1024;

describe('FileDigests', () => {
  it('gives the known sums of a short content', async () => {
    await using digests = await digestsOf(Buffer.from('123456789'), { checksum: 'CRC32' });
    expect(await digests.whole()).toEqual({
      bytes: 9,
      sha256: '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225',
      partCount: 1,
      etag: '25f9e794323b453885f5181f1b624d0b',
      checksums: { crc32: 'y/Q5Jg==', sha256: 'FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=' },
      partsChecksums: { crc32: expect.anything(), sha256: undefined },
    });
    expect(await digests.part(1)).toMatchObject({ crc32: Buffer.from('cbf43926', 'hex'), sha256: undefined });
  });

  it.each([0, PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 5])(
    'sums up the parts of %d bytes as S3 does',
    async (bytes) => {
      const content = randomBytes(bytes);
      const parts = Array.from({ length: Math.max(1, Math.ceil(bytes / PART)) }, (_, i) =>
        content.subarray(i * PART, (i + 1) * PART),
      );
      const sum = (algorithm: string, part: Buffer) => createHash(algorithm).update(part).digest();
      const ofParts = (algorithm: string) =>
        createHash(algorithm).update(Buffer.concat(parts.map((part) => sum(algorithm, part))));

      await using digests = await digestsOf(content, { checksum: 'SHA256' });
      const found = await digests.whole();

      expect(found.partCount).toBe(parts.length);
      expect(found.sha256).toBe(sum('sha256', content).toString('hex'));
      expect(found.etag).toBe(
        parts.length === 1 ? sum('md5', content).toString('hex') : `${ofParts('md5').digest('hex')}-${parts.length}`,
      );
      expect(found.partsChecksums.sha256).toBe(ofParts('sha256').digest('base64'));
      for (const [index, part] of parts.entries())
        expect(await digests.part(index + 1)).toMatchObject({ md5: sum('md5', part), sha256: sum('sha256', part) });
    },
  );

  it('reads no further than the part behind the one that is asked for', async () => {
    const content = randomBytes(4 * PART);
    await using digests = await digestsOf(content);
    await digests.part(1);
    await digests.part(2);
    // Part 3 may have been read, and part 4 has not: its digest is of what is written now.
    const changed = randomBytes(PART);
    await digests.write(changed, 3 * PART);
    expect((await digests.part(4)).md5).toEqual(createHash('md5').update(changed).digest());
  });

  it('rejects with what the check throws, and so does nothing else', async () => {
    const check = () => {
      throw new Error('not this one');
    };
    await using digests = await digestsOf(randomBytes(10), { check });
    await digests.part(1);
    await expect(digests.whole()).rejects.toThrow('not this one');
  });

  it('ends soon when it is aborted', async () => {
    await using digests = await digestsOf(randomBytes(PART), { signal: AbortSignal.abort(new Error('enough')) });
    await expect(digests.whole()).rejects.toThrow('enough');
  });

  it('says that a file became shorter', async () => {
    await using digests = await digestsOf(randomBytes(10), { bytes: 20 });
    await expect(digests.whole()).rejects.toThrow('the file ends after 10 of 20 bytes');
  });
});

async function digestsOf(content: Buffer, options: Partial<DigestOptions> = {}) {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  const path = join(folder.path, 'file');
  await writeFile(path, content);
  const file = stack.use(await open(path, 'r+'));
  const { signal } = new AbortController();
  const owned = stack.move();
  return Object.assign(new FileDigests(file, { bytes: content.length, checksum: undefined, signal, ...options }), {
    write: (bytes: Buffer, position: number) => file.write(bytes, 0, bytes.length, position),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  });
}
