import { HeadObjectCommand, PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { extrasOf, planTrials, withoutExtras } from './extras.ts';

const input = {
  Bucket: 'b',
  Key: 'k',
  IfNoneMatch: '*',
  StorageClass: 'GLACIER_IR',
  ChecksumAlgorithm: 'CRC32',
} as const;

describe('extrasOf', () => {
  it('names what a command would send, and not what lib-storage hands it besides', () => {
    expect(extrasOf(new PutObjectCommand(input))).toEqual(['conditional', 'checksum', 'storage-class']);
    expect(extrasOf(new UploadPartCommand({ ...input, UploadId: 'u', PartNumber: 1 }))).toEqual(['checksum']);
    expect(extrasOf(new HeadObjectCommand({ Bucket: 'b', Key: 'k', ChecksumMode: 'ENABLED' }))).toEqual(['checksum']);
    expect(extrasOf(new PutObjectCommand({ Bucket: 'b', Key: 'k' }))).toEqual([]);
  });
});

describe('withoutExtras', () => {
  it('leaves out those alone', () => {
    expect(withoutExtras({ ...input, ServerSideEncryption: 'AES256' }, ['conditional', 'checksum'])).toEqual({
      Bucket: 'b',
      Key: 'k',
      StorageClass: 'GLACIER_IR',
      ServerSideEncryption: 'AES256',
    });
  });
});

describe('planTrials', () => {
  const all = ['conditional', 'checksum', 'storage-class'] as const;

  it('tries every set, the smallest first', () => {
    expect(planTrials(all, 'not implemented')).toEqual([
      ['conditional'],
      ['checksum'],
      ['storage-class'],
      ['conditional', 'checksum'],
      ['conditional', 'storage-class'],
      ['checksum', 'storage-class'],
      ['conditional', 'checksum', 'storage-class'],
    ]);
    expect(planTrials([], 'not implemented')).toEqual([]);
  });

  it.each([
    ['Conditional object PUTs are not supported.', 'conditional'],
    ["Unsupported header 'x-amz-sdk-checksum-algorithm' received for this API call.", 'checksum'],
    ['InvalidStorageClass: no such class', 'storage-class'],
  ])('begins with what is named: %s', (refusal, named) => {
    expect(planTrials(all, refusal)[0]).toEqual([named]);
  });
});
