import { createHash, randomBytes } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { describe, expect, it } from 'vitest';
import { digestFile, type FileDigest } from './digest-file.ts';
import { planParts } from './part-plan.ts';

const PART = 5 * 1024 * 1024;

describe('digestFile', () => {
  it('gives the known sums of a short content', async () => {
    expect(await digest(Buffer.from('123456789'))).toEqual({
      bytes: 9,
      sha256: '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225',
      partCount: 1,
      etag: '25f9e794323b453885f5181f1b624d0b',
      checksums: { crc32: 'y/Q5Jg==', sha256: 'FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=' },
      partsChecksums: expect.anything(),
    });
  });

  it.each([PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 5])(
    'sums up the parts of %d bytes as S3 does',
    async (bytes) => {
      const content = randomBytes(bytes);
      const parts = Array.from({ length: Math.ceil(bytes / PART) }, (_, i) =>
        content.subarray(i * PART, (i + 1) * PART),
      );
      const ofParts = (algorithm: string) =>
        createHash(algorithm).update(Buffer.concat(parts.map((part) => createHash(algorithm).update(part).digest())));

      const found = await digest(content);

      expect(found.partCount).toBe(parts.length);
      expect(found.sha256).toBe(createHash('sha256').update(content).digest('hex'));
      expect(found.etag).toBe(
        parts.length === 1
          ? createHash('md5').update(content).digest('hex')
          : `${ofParts('md5').digest('hex')}-${parts.length}`,
      );
      expect(found.partsChecksums.sha256).toBe(ofParts('sha256').digest('base64'));
    },
  );

  it('ends soon when it is aborted', async () => {
    await expect(digest(randomBytes(PART), AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});

async function digest(content: Buffer, signal = new AbortController().signal): Promise<FileDigest> {
  await using folder = await tempFolder();
  const path = join(folder.path, 'file');
  await writeFile(path, content);
  await using file = await open(path);
  return await digestFile(file, { parts: planParts(content.length), hasPartSha256: true, signal });
}
