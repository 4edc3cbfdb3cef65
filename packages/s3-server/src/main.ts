import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { buildApp } from 'fauxqs';
import { Archive } from './archive.ts';
import { listByBytes, type List } from './list-by-bytes.ts';
import { REFUSALS, refuse } from './refusals.ts';

/**
 * The S3 server as a process: `node main.ts [--refuse=WHAT ...] [--mute] [--versioned] PORT FOLDER [HOST [BUCKET ...]]`.
 *
 * It is fauxqs with what the workers rely on besides: it listens on 127.0.0.1 unless it gets a HOST (fauxqs listens on every
 * interface), takes parts above 11 MiB, lists multipart uploads and keys by their bytes, honours `If-None-Match: *` and gives nothing out of an archive.
 * With `--versioned` it says of each deletion that it left a delete marker, and of its buckets that they keep versions.
 * With `--refuse` it does not know one of `REFUSALS`; with `--mute` it does not say which.
 */
const { values: told, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    refuse: { type: 'string', multiple: true, default: [] },
    mute: { type: 'boolean', default: false },
    versioned: { type: 'boolean', default: false },
  },
});
const [port, folder, host = '127.0.0.1', ...buckets] = positionals as [string, string, ...string[]];
const refusals = told.refuse.map((word) => {
  const refusal = REFUSALS.find((each) => each === word);
  if (refusal === undefined) throw new Error(`expected --refuse one of ${REFUSALS.join(', ')}, got ${word}`);
  return refusal;
});

// fauxqs exports only its app. The parts that keep objects in a folder lie beside it.
const source = import.meta.resolve('fauxqs');
const { S3Store } = (await import(new URL('s3/s3Store.js', source).href)) as { S3Store: new () => ObjectStore };
const { FileS3Persistence } = (await import(new URL('s3/fileS3Persistence.js', source).href)) as {
  FileS3Persistence: new (folder: string) => { loadS3(store: ObjectStore): void };
};

interface ObjectStore {
  persistence: object;
  readonly multipartUploads: Map<string, { uploadId: string; bucket: string; key: string; initiated: Date }>;
  hasBucket(bucket: string): boolean;
  createBucket(bucket: string): void;
  headObject(bucket: string, key: string): object;
  listObjects: List;
}

const store = new S3Store();
const persistence = new FileS3Persistence(folder);
persistence.loadS3(store);
store.persistence = persistence;
store.listObjects = listByBytes(store.listObjects.bind(store));
for (const bucket of buckets) if (!store.hasBucket(bucket)) store.createBucket(bucket);

/** In the words of AWS. */
const MUTE = {
  status: 501,
  code: 'NotImplemented',
  message: 'A header you provided implies functionality that is not implemented',
};

type Stores = NonNullable<NonNullable<Parameters<typeof buildApp>[0]>['stores']>;
// buildApp makes empty queues of SQS and SNS by itself.
const app = buildApp({ logger: false, stores: { s3Store: store } as unknown as Stores });

app.removeContentTypeParser('*');
app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: 1024 ** 3 }, (_request, body, done) => done(null, body));

const archive = new Archive();

app.addHook('preHandler', async (request, reply) => {
  const url = new URL(request.raw.url ?? '/', 'http://localhost');
  const [bucket = '', ...rest] = url.pathname.slice(1).split('/').map(decodeURIComponent);
  const key = rest.join('/');
  const query = url.searchParams;

  const refusal = refuse({ method: request.method, query, headers: request.headers }, refusals);
  if (refusal !== undefined) {
    const { status, code, message } = told.mute ? MUTE : refusal;
    return reply
      .code(status)
      .type('application/xml')
      .send(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`);
  }

  if (told.versioned && request.method === 'DELETE' && key !== '' && !query.has('uploadId'))
    void reply.header('x-amz-delete-marker', 'true').header('x-amz-version-id', 'a-version');
  if (told.versioned && request.method === 'GET' && key === '' && query.has('versioning')) {
    return reply
      .type('application/xml')
      .send('<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>');
  }
  if (request.method === 'GET' && key === '' && query.has('uploads') && store.hasBucket(bucket)) {
    return reply.type('application/xml').send(listUploads(bucket, query.get('prefix') ?? ''));
  }
  // Requests about a part or an open upload name no storage class.
  if (!query.has('uploadId')) {
    if (request.method === 'GET' && archive.holds(url.pathname)) {
      return reply
        .code(403)
        .type('application/xml')
        .send(
          "<Error><Code>InvalidObjectState</Code><Message>The operation is not valid for the object's storage class</Message><StorageClass>GLACIER</StorageClass></Error>",
        );
    }
    archive.note(request.method, url.pathname, request.headers['x-amz-storage-class']?.toString());
  }
  const completesObject =
    (request.method === 'PUT' && !query.has('partNumber')) || (request.method === 'POST' && query.has('uploadId'));
  if (completesObject && key !== '' && request.headers['if-none-match'] === '*' && objectExists(bucket, key)) {
    return reply
      .code(412)
      .type('application/xml')
      .send(
        '<Error><Code>PreconditionFailed</Code><Message>At least one of the pre-conditions you specified did not hold</Message></Error>',
      );
  }
  return undefined;
});

await app.listen({ host, port: Number(port) });
process.stdout.write(`listening on ${(app.server.address() as AddressInfo).port}\n`);
process.once('SIGTERM', () => void app.close());

function objectExists(bucket: string, key: string): boolean {
  try {
    store.headObject(bucket, key);
    return true;
  } catch {
    return false;
  }
}

function listUploads(bucket: string, prefix: string): string {
  const uploads = [...store.multipartUploads.values()].filter(
    (upload) => upload.bucket === bucket && upload.key.startsWith(prefix),
  );
  const entries = uploads.map(
    ({ uploadId, key, initiated }) =>
      `<Upload><Key>${escapeXml(key)}</Key><UploadId>${uploadId}</UploadId><Initiated>${initiated.toISOString()}</Initiated></Upload>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?><ListMultipartUploadsResult><Bucket>${escapeXml(bucket)}</Bucket><Prefix>${escapeXml(prefix)}</Prefix><IsTruncated>false</IsTruncated>${entries.join('')}</ListMultipartUploadsResult>`;
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
