import type { FileHandle } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type HeadObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { isArchiveClass } from '@pgstow/shared/config/archive-class.ts';
import type { S3Config } from '@pgstow/shared/config/s3.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { HiddenError } from '../hidden-error.ts';
import { lookBeforePut } from '../look-before-put.ts';
import type {
  ListedObject,
  OpenUpload,
  PutFileOptions,
  PutOptions,
  PutOutcome,
  Store,
  StoredObject,
} from '../store.ts';
import { describeLeftOut } from './describe-left-out.ts';
import type { Extra } from './extras.ts';
import { leaveOutUnknownExtras } from './leave-out-unknown-extras.ts';
import { OccupiedError } from './occupied-error.ts';
import { checksumAlgorithm, createS3Client } from './s3-client.ts';
import { isRefusedAlone, isUnknownToStore, s3ErrorCode, s3ErrorStatus, translateS3Error } from './s3-error.ts';
import { s3PutParams } from './s3-put-params.ts';
import { uploadFile } from './upload-file.ts';

/** Without the second right, the answer is the same where nothing lies. */
const RIGHT_TO_READ = 's3:GetObject (and s3:ListBucket, to be told what is not there)';

/** A bucket of AWS or of any store that speaks S3. Dispose closes its connections. */
export class S3Store implements Store, Disposable {
  readonly place: Store['place'];
  readonly #config: S3Config;
  readonly #client: S3Client;
  /** Why the store does not know how to list open uploads. */
  #unlisted: string | undefined;

  /** @param onLeaveOut told once of each thing that the store does not know, and that is left out from then on */
  constructor(config: S3Config, onLeaveOut: (extra: Extra, sentence: string) => void = () => undefined) {
    this.place = config.place;
    this.#config = config;
    this.#client = leaveOutUnknownExtras(createS3Client(config), {
      isOccupied: async (key, signal) => (await lookBeforePut(this, key, signal, false)) !== undefined,
      onLeaveOut: (extra, refusal) => onLeaveOut(extra, describeLeftOut(extra, refusal, config.storageClass)),
    });
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }

  async look(key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
    return this.#try(`look at ${this.#url(key)}`, signal, async () => {
      try {
        // Where none is sent, none is kept; some stores refuse even to be asked.
        const checksum = checksumAlgorithm(this.#config) === undefined ? {} : ({ ChecksumMode: 'ENABLED' } as const);
        const input = { Bucket: this.place.bucket, Key: key, ...checksum };
        return toStoredObject(await this.#client.send(new HeadObjectCommand(input), { abortSignal: signal }));
      } catch (error) {
        const status = s3ErrorStatus(error);
        if (status === 404) await this.#assertBucket(signal);
        else if (status === undefined || status >= 500 || status === 408 || status === 429) throw error;
        else await this.#explainRefusal(key, signal);
        return undefined;
      }
    });
  }

  async putFile(key: string, file: FileHandle, options: PutFileOptions): Promise<PutOutcome> {
    const { bytes, parts, onProgress, signal } = options;
    return this.#put(key, signal, () =>
      uploadFile(this.#client, file, {
        params: s3PutParams(this.#config, key, options),
        bytes,
        parts,
        isOccupied: async () => (await lookBeforePut(this, key, signal)) !== undefined,
        onProgress,
        signal,
      }),
    );
  }

  async putText(key: string, text: string, options: PutOptions): Promise<PutOutcome> {
    const { storageClass } = this.#config;
    const config = isArchiveClass(storageClass) ? { ...this.#config, storageClass: undefined } : this.#config;
    const input = { ...s3PutParams(config, key, options), Body: text };
    return this.#put(key, options.signal, async () => {
      await this.#client.send(new PutObjectCommand(input), { abortSignal: options.signal });
    });
  }

  async *read(key: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const action = `read ${this.#url(key)}`;
    const input = { Bucket: this.place.bucket, Key: key };
    const send = () => this.#client.send(new GetObjectCommand(input), { abortSignal: signal });
    const { Body } = await this.#try(action, signal, send, RIGHT_TO_READ);
    const body = addAbortSignal(signal, Body as Readable) as AsyncIterable<Uint8Array>;
    try {
      yield* body;
    } catch (error) {
      throw this.#translate(error, action, signal);
    }
  }

  async *list(prefix: string, signal: AbortSignal): AsyncGenerator<ListedObject, void, undefined> {
    const action = `list ${this.#url(prefix)}`;
    let token: string | undefined;
    do {
      const input = { Bucket: this.place.bucket, Prefix: prefix, ContinuationToken: token };
      const send = () => this.#client.send(new ListObjectsV2Command(input), { abortSignal: signal });
      const page = await this.#try(action, signal, send, 's3:ListBucket');
      for (const { Key, Size } of page.Contents ?? []) {
        signal.throwIfAborted();
        if (Key?.startsWith(prefix) === true && Size !== undefined) yield { key: Key, bytes: Size };
      }
      const next = page.IsTruncated === true ? page.NextContinuationToken : undefined;
      // Half a listing must not pass for a whole one, nor the same page come for ever.
      if (page.IsTruncated === true && (next === undefined || next === token)) {
        throw new PermanentError(`${action}: the answer is cut and does not say how it goes on`, {
          hint: 'Check S3_ENDPOINT: what answers there does not list objects as S3 does.',
        });
      }
      token = next;
    } while (token !== undefined);
  }

  async listOpenUploads(
    prefix: string,
    signal: AbortSignal,
  ): Promise<readonly OpenUpload[] | { readonly refused: string }> {
    if (this.#unlisted !== undefined) return { refused: this.#unlisted };
    const uploads: OpenUpload[] = [];
    // The same for each prefix: what is refused once is refused for all.
    const action = `list open uploads in ${this.#url(this.place.prefix)}`;
    let position: { KeyMarker: string | undefined; UploadIdMarker: string | undefined } | undefined;
    try {
      do {
        const input = { Bucket: this.place.bucket, Prefix: prefix, ...position };
        const page = await this.#try(action, signal, () =>
          this.#client.send(new ListMultipartUploadsCommand(input), { abortSignal: signal }),
        );
        for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
          if (Key?.startsWith(prefix) === true && UploadId !== undefined && Initiated !== undefined)
            uploads.push({ key: Key, id: UploadId, startedAt: Initiated });
        }
        position =
          page.IsTruncated === true
            ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
            : undefined;
      } while (position !== undefined);
    } catch (error) {
      if (!(error instanceof PermanentError) || !isRefusedAlone(error.cause)) throw error;
      // A right may be given meanwhile; what a store does not know, it learns by no asking.
      if (isUnknownToStore(error.cause) || s3ErrorStatus(error.cause) === 405) this.#unlisted = error.message;
      return { refused: error.message };
    }
    return uploads;
  }

  async abortUpload({ key, id }: OpenUpload, signal: AbortSignal): Promise<void> {
    const input = { Bucket: this.place.bucket, Key: key, UploadId: id };
    await this.#try(`abort an open upload of ${this.#url(key)}`, signal, async () => {
      try {
        await this.#client.send(new AbortMultipartUploadCommand(input), { abortSignal: signal });
      } catch (error) {
        if (s3ErrorStatus(error) !== 404) throw error;
      }
    });
  }

  async #put(key: string, signal: AbortSignal, send: () => Promise<void>): Promise<PutOutcome> {
    return this.#try(`put ${this.#url(key)}`, signal, async () => {
      try {
        await send();
        return 'stored';
      } catch (error) {
        if (error instanceof OccupiedError || s3ErrorStatus(error) === 412) return 'occupied';
        throw error;
      }
    });
  }

  /** The answer to HEAD has no body: it does not tell a missing object from a missing bucket. */
  async #assertBucket(signal: AbortSignal): Promise<void> {
    try {
      await this.#client.send(new HeadBucketCommand({ Bucket: this.place.bucket }), { abortSignal: signal });
    } catch (error) {
      // Without the right to list, the bucket's own HEAD is refused, which says that it is there.
      if (s3ErrorStatus(error) !== 404) return;
      throw Object.assign(new Error('the bucket does not exist', { cause: error }), {
        name: 'NoSuchBucket',
        $metadata: { httpStatusCode: 404 },
      });
    }
  }

  /**
   * The answer to HEAD has no body: it does not say why it was refused. Asking for the first byte does, and is allowed
   * to whoever may look. Returns if nothing lies there.
   */
  async #explainRefusal(key: string, signal: AbortSignal): Promise<void> {
    const input = { Bucket: this.place.bucket, Key: key, Range: 'bytes=0-0' };
    try {
      const { Body } = await this.#client.send(new GetObjectCommand(input), { abortSignal: signal });
      (Body as Readable).destroy();
    } catch (error) {
      const code = s3ErrorCode(error);
      if (code === 'NoSuchKey') return;
      if (code !== 'AccessDenied') throw error;
      const { message, hint } = this.#explain(error, `look at ${this.#url(key)}`, RIGHT_TO_READ);
      throw new HiddenError(message, { hint, cause: error });
    }
    throw new RetryableError(`look at ${this.#url(key)}: HEAD is refused and GET is not`, {
      hint: 'Is there a proxy before the store that does not let HEAD pass?',
    });
  }

  async #try<T>(action: string, signal: AbortSignal, work: () => Promise<T>, right?: string): Promise<T> {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      throw this.#translate(error, action, signal, right);
    }
  }

  #translate(error: unknown, action: string, signal: AbortSignal, right?: string): unknown {
    return signal.aborted ? signal.reason : this.#explain(error, action, right);
  }

  #explain(error: unknown, action: string, right?: string): ReturnType<typeof translateS3Error> {
    return translateS3Error(error, {
      action,
      bucket: this.place.bucket,
      endpoint: this.place.endpoint,
      region: this.#config.region,
      hasStaticKeys: this.#config.credentials !== undefined,
      right,
    });
  }

  #url(key: string): string {
    return `s3://${this.place.bucket}/${key}`;
  }
}

function toStoredObject(head: HeadObjectCommandOutput): StoredObject {
  if (head.ContentLength === undefined) {
    throw new PermanentError('the answer to HEAD names no size', {
      hint: 'Check S3_ENDPOINT: what answers there is no S3 server.',
    });
  }
  const isOtherKey =
    head.ServerSideEncryption?.startsWith('aws:kms') === true || head.SSECustomerAlgorithm !== undefined;
  return {
    bytes: head.ContentLength,
    etag: head.ETag?.replaceAll('"', ''),
    isEtagDigest: !isOtherKey,
    checksums: { crc32: head.ChecksumCRC32, sha256: head.ChecksumSHA256 },
    metadata: head.Metadata ?? {},
    // A bucket whose versioning is off says `null`.
    versionId: head.VersionId === 'null' ? undefined : head.VersionId,
  };
}
