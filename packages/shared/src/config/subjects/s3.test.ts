import { describe, expect, it } from 'vitest';
import { readConfig, type ConfigError } from '../read-config.ts';
import { destinations } from './destinations.ts';
import type { S3Config } from './s3.ts';

const read = (env: Record<string, string>): S3Config | undefined =>
  readConfig(env, { destinations }, [destinations]).config.destinations[0] as S3Config | undefined;
const faults = (env: Record<string, string>): readonly string[] => {
  try {
    read(env);
    return [];
  } catch (error) {
    return (error as ConfigError).faults;
  }
};

describe('the destination', () => {
  it('is none without a bucket, though keys be given', () => {
    expect(read({ AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's', S3_PREFIX: 'p' })).toBeUndefined();
  });

  it('is AWS with a bucket alone, and the keys that the SDK finds', () => {
    expect(read({ S3_BUCKET: 'mine' })).toEqual({
      destination: { name: 's3', endpoint: undefined, bucket: 'mine', prefix: '' },
      region: 'us-east-1',
      forcePathStyle: false,
      storageClass: undefined,
      sse: undefined,
      checksum: 'auto',
      confirm: 'auto',
      timeoutMs: 60_000,
      credentials: undefined,
    });
  });

  it('is not read back out of an archive', () => {
    const archive = { S3_BUCKET: 'mine', S3_STORAGE_CLASS: 'DEEP_ARCHIVE' };
    expect(faults({ ...archive, S3_CONFIRM: 'read' })).toEqual([expect.stringMatching(/^S3_CONFIRM.*DEEP_ARCHIVE/)]);
    expect(faults(archive)).toEqual([]);
    expect(faults({ ...archive, S3_STORAGE_CLASS: 'GLACIER_IR', S3_CONFIRM: 'read' })).toEqual([]);
  });

  it('may be any store', () => {
    expect(
      read({
        S3_BUCKET: 'mine',
        S3_ENDPOINT: 'https://s3.example.com:9000//',
        S3_PREFIX: '/a/b',
        S3_REGION: 'eu-1',
        AWS_DEFAULT_REGION: 'us-1',
        AWS_ACCESS_KEY_ID: 'k',
        AWS_SECRET_ACCESS_KEY: 's',
        AWS_SESSION_TOKEN: 't',
      }),
    ).toMatchObject({
      destination: { endpoint: 'https://s3.example.com:9000', prefix: 'a/b/' },
      region: 'eu-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'k', secretAccessKey: 's', sessionToken: 't' },
    });
    expect(read({ S3_BUCKET: 'a', AWS_DEFAULT_REGION: 'us-1' })?.region).toBe('us-1');
    expect(read({ S3_BUCKET: 'a', S3_ENDPOINT: 'http://h', S3_FORCE_PATH_STYLE: 'no' })?.forcePathStyle).toBe(false);
    expect(read({ S3_BUCKET: 'a', S3_FORCE_PATH_STYLE: '1' })?.forcePathStyle).toBe(true);
  });

  it("is where the AWS SDK's own variables lead, where ours say nothing", () => {
    const [general, s3Alone, ours] = ['http://general', 'http://s3-alone', 'http://ours'];
    const env: Record<string, string> = { S3_BUCKET: 'a', AWS_ENDPOINT_URL: general, AWS_REGION: 'eu-2' };
    const endpointOf = (more: Record<string, string>) => read({ ...env, ...more })?.destination.endpoint;
    expect(read(env)).toMatchObject({ destination: { endpoint: general }, region: 'eu-2', forcePathStyle: true });
    expect(endpointOf({ AWS_ENDPOINT_URL_S3: s3Alone })).toBe(s3Alone);
    expect(endpointOf({ AWS_ENDPOINT_URL_S3: s3Alone, S3_ENDPOINT: ours })).toBe(ours);
    expect(faults({ ...env, AWS_ENDPOINT_URL: 'http://key:secret@h' })[0]).toContain('AWS_ENDPOINT_URL: holds a user');
  });

  it.each<[string, Record<string, string>, string]>([
    [
      'a key without its secret',
      { AWS_ACCESS_KEY_ID: 'k' },
      'AWS_SECRET_ACCESS_KEY: is required with AWS_ACCESS_KEY_ID',
    ],
    ['a secret without its key', { AWS_SECRET_ACCESS_KEY: 's' }, 'AWS_ACCESS_KEY_ID: is required with'],
    [
      'a key with a space',
      { AWS_ACCESS_KEY_ID: 'k ', AWS_SECRET_ACCESS_KEY: 's' },
      'AWS_ACCESS_KEY_ID: holds white space',
    ],
    ['a bucket with its prefix', { S3_BUCKET: 'mine/prefix' }, `S3_BUCKET: expected the bucket's name alone`],
    ['a bucket as URL', { S3_BUCKET: 's3://mine' }, `S3_BUCKET: expected the bucket's name alone`],
    ['an endpoint without scheme', { S3_ENDPOINT: 's3.example.com' }, 'S3_ENDPOINT: expected a URL such as'],
    ['an endpoint of another kind', { S3_ENDPOINT: 'ftp://h' }, 'S3_ENDPOINT: expected a URL such as'],
    ['an endpoint with a key in it', { S3_ENDPOINT: 'https://k:geheim@h' }, 'S3_ENDPOINT: holds a user name'],
    ['an unknown encryption', { S3_SSE: 'aes' }, 'S3_SSE: expected one of AES256, aws:kms, got "aes"'],
    ['an unknown checksum', { S3_CHECKSUM: 'md5' }, 'S3_CHECKSUM: expected one of auto, crc32, sha256, none'],
    ['a storage class in small letters', { S3_STORAGE_CLASS: 'glacier' }, 'S3_STORAGE_CLASS: expected a storage class'],
    ['a flag that is none', { S3_FORCE_PATH_STYLE: 'maybe' }, 'S3_FORCE_PATH_STYLE: expected one of '],
    ['no time at all', { S3_TIMEOUT: '0' }, 'S3_TIMEOUT: expected a number of seconds from 1 to 3600, got "0"'],
  ])('with %s is a fault', (_what, env, fault) => {
    const found = faults({ S3_BUCKET: 'mine', ...env });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(fault);
    expect(found[0]).not.toContain('geheim');
  });
});
