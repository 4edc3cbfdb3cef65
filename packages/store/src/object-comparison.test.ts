import { describe, expect, it } from 'vitest';
import type { FileDigest } from './file-digests.ts';
import { compareObject } from './object-comparison.ts';
import type { StoredObject } from './store.ts';

const MD5 = 'd41d8cd98f00b204e9800998ecf8427e';
const OTHER = '0cc175b9c0f1b6a831c399e269772661';

const digest: FileDigest = {
  bytes: 100,
  sha256: 'f'.repeat(64),
  partCount: 2,
  etag: `${MD5}-2`,
  checksums: { crc32: 'AAAAAA==', sha256: 'whole' },
  partsChecksums: { crc32: 'BBBBBB==', sha256: undefined },
};

describe('compareObject', () => {
  it.each<[string, Partial<StoredObject>, string]>([
    ['another size', { bytes: 99, etag: digest.etag }, 'different'],
    ['a fitting ETag', { etag: digest.etag }, 'same'],
    ['the ETag of other parts', { etag: `${MD5}-3` }, 'doubtful'],
    ['another ETag', { etag: OTHER }, 'doubtful'],
    ['an ETag that is no MD5', { etag: 'v1-abc' }, 'unknown'],
    ['an ETag that only looks like an MD5', { etag: OTHER, isEtagDigest: false }, 'unknown'],
    ['no ETag', { etag: undefined }, 'unknown'],
    ['a fitting checksum of the whole', { checksums: { crc32: 'AAAAAA==', sha256: undefined } }, 'same'],
    ['a fitting checksum of the parts', { checksums: { crc32: 'BBBBBB==-2', sha256: undefined } }, 'same'],
    ['another checksum', { etag: digest.etag, checksums: { crc32: 'CCCCCC==', sha256: undefined } }, 'doubtful'],
    ['a checksum of other parts', { checksums: { crc32: 'BBBBBB==-3', sha256: undefined } }, 'unknown'],
    ['a checksum that was not computed', { checksums: { crc32: undefined, sha256: 'x-2' }, etag: digest.etag }, 'same'],
  ])('calls an object with %s what it is', (_what, facts, verdict) => {
    const object: StoredObject = {
      bytes: 100,
      etag: undefined,
      isEtagDigest: true,
      checksums: { crc32: undefined, sha256: undefined },
      metadata: {},
      versionId: undefined,
      ...facts,
    };
    expect(compareObject(object, digest).verdict).toBe(verdict);
  });
});
