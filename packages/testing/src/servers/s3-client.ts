import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';

export interface S3Access {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

export interface S3Object {
  readonly key: string;
  readonly sizeBytes: number;
  /** The ETag as the store gives it, with its quotes. */
  readonly etag: string | undefined;
}

/** A client for tests, apart from the code under test. Dispose closes its connections. */
export interface S3TestClient extends Disposable {
  /** The SDK's client, for everything else. */
  readonly sdk: S3Client;
  createBucket(bucket: string): Promise<void>;
  /** All objects, sorted by key. */
  listObjects(bucket: string, prefix?: string): Promise<readonly S3Object[]>;
  getObject(bucket: string, key: string): Promise<Buffer>;
  /** `undefined` when there is no such object. */
  headObject(
    bucket: string,
    key: string,
  ): Promise<{ readonly sizeBytes: number; readonly metadata: Readonly<Record<string, string>> } | undefined>;
  putObject(bucket: string, key: string, body: Uint8Array | string): Promise<void>;
  deleteObject(bucket: string, key: string): Promise<void>;
  /** The first thousand open uploads. */
  listMultipartUploads(bucket: string): Promise<readonly { readonly key: string; readonly uploadId: string }[]>;
}

/** A client for any S3 server, by path style and without checksums that stand-ins may not know. */
export function createS3TestClient({ endpoint, accessKeyId, secretAccessKey, region }: S3Access): S3TestClient {
  const sdk = new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  return {
    sdk,
    createBucket: async (Bucket) => {
      await sdk.send(new CreateBucketCommand({ Bucket }));
    },
    listObjects: async (Bucket, Prefix) => {
      const objects: S3Object[] = [];
      for await (const page of paginateListObjectsV2({ client: sdk }, { Bucket, Prefix })) {
        for (const { Key = '', Size = 0, ETag } of page.Contents ?? []) {
          objects.push({ key: Key, sizeBytes: Size, etag: ETag });
        }
      }
      return objects;
    },
    getObject: async (Bucket, Key) => {
      const { Body } = await sdk.send(new GetObjectCommand({ Bucket, Key }));
      if (!Body) throw new Error(`wanted a body of s3://${Bucket}/${Key}, got none`);
      return Buffer.from(await Body.transformToByteArray());
    },
    headObject: async (Bucket, Key) => {
      try {
        const { ContentLength = 0, Metadata = {} } = await sdk.send(new HeadObjectCommand({ Bucket, Key }));
        return { sizeBytes: ContentLength, metadata: Metadata };
      } catch (error) {
        if (error instanceof Error && error.name === 'NotFound') return undefined;
        throw error;
      }
    },
    putObject: async (Bucket, Key, Body) => {
      await sdk.send(new PutObjectCommand({ Bucket, Key, Body }));
    },
    deleteObject: async (Bucket, Key) => {
      await sdk.send(new DeleteObjectCommand({ Bucket, Key }));
    },
    listMultipartUploads: async (Bucket) => {
      const { Uploads = [] } = await sdk.send(new ListMultipartUploadsCommand({ Bucket }));
      return Uploads.map(({ Key = '', UploadId = '' }) => ({ key: Key, uploadId: UploadId }));
    },
    [Symbol.dispose]: () => sdk.destroy(),
  };
}
