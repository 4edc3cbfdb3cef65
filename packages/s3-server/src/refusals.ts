import type { IncomingHttpHeaders } from 'node:http';

/** Things that the server can be made not to know. It refuses each in the words of a store in use. */
export const REFUSALS = ['if-none-match', 'checksums', 'storage-class', 'open-uploads'] as const;
export type Refusal = (typeof REFUSALS)[number];

type SeenRequest = { readonly method: string; readonly query: URLSearchParams; readonly headers: IncomingHttpHeaders };
type Answer = { readonly status: number; readonly code: string; readonly message: string };

const IS_MET: Readonly<Record<Refusal, (request: SeenRequest) => boolean>> = {
  'if-none-match': ({ headers }) => headers['if-none-match'] !== undefined,
  checksums: ({ headers }) => Object.keys(headers).some((name) => /^x-amz-(?:sdk-)?checksum/.test(name)),
  'storage-class': ({ headers }) => (headers['x-amz-storage-class'] ?? 'STANDARD') !== 'STANDARD',
  'open-uploads': ({ method, query }) => method === 'GET' && query.has('uploads'),
};

const ANSWERS: Readonly<Record<Refusal, Answer>> = {
  // OpenStack Swift's s3api
  'if-none-match': { status: 501, code: 'NotImplemented', message: 'Conditional object PUTs are not supported.' },
  // Backblaze B2
  checksums: {
    status: 400,
    code: 'InvalidArgument',
    message: "Unsupported header 'x-amz-checksum' received for this API call.",
  },
  // Swift, MinIO, Ceph RGW
  'storage-class': {
    status: 400,
    code: 'InvalidStorageClass',
    message: 'The storage class you specified is not valid',
  },
  'open-uploads': { status: 501, code: 'NotImplemented', message: 'The requested resource is not implemented' },
};

/** The answer of a server that does not know `refusals`; `undefined` if it takes the request. */
export function refuse(request: SeenRequest, refusals: readonly Refusal[]): Answer | undefined {
  const met = refusals.find((refusal) => IS_MET[refusal](request));
  return met && ANSWERS[met];
}
