import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { describe, expect, it } from 'vitest';
import { translateS3Error, type S3ErrorContext } from './translate-s3-error.ts';

const context: S3ErrorContext = {
  action: 'put s3://b/k',
  config: {
    destination: { name: 's3', bucket: 'b', prefix: '', endpoint: 'https://s3.example.com' },
    region: 'eu-central-1',
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
  },
};
const withoutKeys: S3ErrorContext = { ...context, config: { ...context.config, credentials: undefined } };

const answer = (name: string, httpStatusCode: number, message = 'said the store'): Error =>
  Object.assign(new Error(message), { name, Code: name, $metadata: { httpStatusCode } });
const ofNode = (code: string, message = code): Error => Object.assign(new Error(message), { code });

describe('translateS3Error', () => {
  it.each([
    [answer('NoSuchBucket', 404), /Create the bucket b at https:\/\/s3\.example\.com/],
    [answer('InvalidAccessKeyId', 403), /AWS_ACCESS_KEY_ID/],
    [answer('SignatureDoesNotMatch', 403), /AWS_SECRET_ACCESS_KEY/],
    [answer('AccessDenied', 403), /s3:PutObject/],
    [answer('ExpiredToken', 400), /Renew/],
    [answer('PermanentRedirect', 301), /S3_REGION \(eu-central-1\)/],
    [answer('AuthorizationHeaderMalformed', 400), /S3_REGION/],
    [answer('InvalidStorageClass', 400), /S3_STORAGE_CLASS/],
    [answer('InvalidBucketName', 400), /S3_BUCKET/],
    [answer('InvalidObjectState', 403), /lies in an archive.*restore-object/],
    [answer('EntityTooLarge', 400), /takes no object, or no part of one, this large/],
    [answer('QuotaExceeded', 403), /quota of the bucket b/],
    [
      Object.assign(new SyntaxError('char < is not expected'), { $metadata: { httpStatusCode: 413 } }),
      /client_max_body/,
    ],
    [answer('NotImplemented', 501), /cannot do this/],
    [Object.assign(new Error('no credentials'), { name: 'CredentialsProviderError' }), /AWS_ACCESS_KEY_ID/],
    [ofNode('ENOTFOUND'), /S3_ENDPOINT \(https:\/\/s3\.example\.com\).*host name/],
    [ofNode('CERT_HAS_EXPIRED'), /certificate/],
    [ofNode('DEPTH_ZERO_SELF_SIGNED_CERT'), /NODE_EXTRA_CA_CERTS/],
    [ofNode('EPROTO'), /TLS/],
    [ofNode('HPE_INVALID_CONSTANT'), /does not speak HTTP/],
    [Object.assign(new SyntaxError('char < is not expected'), { $metadata: { httpStatusCode: 200 } }), /no S3 server/],
  ])('says what to mend after %s', (cause, hint) => {
    const error = translateS3Error(cause, context);
    expect(error).toBeInstanceOf(PermanentError);
    expect(error.hint).toMatch(hint);
    expect(error.message).toMatch(/^put s3:\/\/b\/k: /);
    expect(error.cause).toBe(cause);
  });

  it.each([
    answer('InternalError', 500),
    answer('SlowDown', 503),
    answer('Unknown', 502),
    answer('TooManyRequests', 429),
    answer('RequestTimeout', 400),
    answer('ConditionalRequestConflict', 409),
    answer('NoSuchUpload', 404),
    ...['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH'].map((code) => ofNode(code)),
    Object.assign(new Error('timed out'), { name: 'TimeoutError' }),
    new Error('something else'),
    'not even an error',
  ])('lets time mend %s', (cause) => {
    expect(translateS3Error(cause, context)).toBeInstanceOf(RetryableError);
  });

  it.each([
    answer('InvalidRange', 416),
    answer('InvalidArgument', 400, 'Part number must be an integer between 1 and 1000, inclusive'),
  ])('says of a put that the store takes fewer parts after %s', (cause) => {
    expect(translateS3Error(cause, { ...context, parts: 6144 }).hint).toMatch(
      /fewer parts .* than the 6144 of this dump/,
    );
    expect(translateS3Error(cause, context).hint).not.toMatch(/parts/);
  });

  it('lets the SDK renew what expired where it found the credentials', () => {
    const error = translateS3Error(answer('ExpiredToken', 400), withoutKeys);
    expect(error).toBeInstanceOf(RetryableError);
  });

  it.each(['CredentialsProviderError', 'TokenProviderError', 'ProviderError'])(
    'lets a service that hands out keys come back after %s, and says what else it may be',
    (name) => {
      const cause = Object.assign(new Error('no credentials'), { name });
      const error = translateS3Error(cause, withoutKeys);
      expect(error).toBeInstanceOf(RetryableError);
      expect(error.hint).toMatch(/role or profile/);
    },
  );

  it('finds the code of an error within another, and says it once', () => {
    const refused = new AggregateError([ofNode('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1')], '');
    expect(translateS3Error(refused, context).message).toBe('put s3://b/k: connect ECONNREFUSED 127.0.0.1:1');
    expect(translateS3Error(answer('InvalidRequest', 400, 'UnknownError'), context).message).toBe(
      'put s3://b/k: InvalidRequest',
    );
    expect(translateS3Error(ofNode('ENOTFOUND', 'getaddrinfo ENOTFOUND x'), context).message).toBe(
      'put s3://b/k: getaddrinfo ENOTFOUND x',
    );
  });
});
