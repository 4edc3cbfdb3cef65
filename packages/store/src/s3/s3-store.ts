import type { FileHandle } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { isArchiveClass } from '@pgstow/shared/config/subjects/s3.ts';
import type { S3Config } from '@pgstow/shared/config/subjects/s3.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { lookBeforePut } from '../look-before-put.ts';
import type {
  DeleteOutcome,
  ListedObject,
  OpenUpload,
  PutFileOptions,
  PutOptions,
  PutOutcome,
  Store,
  StoredObject,
} from '../store.ts';
import { assertFits } from './assert-fits.ts';
import { describeLeftOut } from './describe-left-out.ts';
import type { Extra } from './extras.ts';
import { leaveOutUnknownExtras } from './leave-out-unknown-extras.ts';
import { lookAtObject, RIGHT_TO_READ } from './look-at-object.ts';
import { OccupiedError } from './occupied-error.ts';
import { readS3Error } from './read-s3-error.ts';
import { checksumAlgorithm, createS3Client } from './s3-client.ts';
import { s3PutParams } from './s3-put-params.ts';
import { isForbidden, isRefusedAlone, isUnknownToStore } from './s3-refusal.ts';
import { translateS3Error, tryS3 } from './translate-s3-error.ts';
import { uploadFile } from './upload-file.ts';

const WHAT_ELSE_FORBIDS =
  'If Object Lock or a retention rule holds it, it can be deleted once its time is over. pgstow deletes nothing there unless S3_KEEP_* is set.';

/** A bucket of AWS or of any store that speaks S3. Dispose closes its connections. */
export class S3Store implements Store, Disposable {
  readonly destination: S3Config['destination'];
  readonly checksum: Store['checksum'];
  readonly #config: S3Config;
  readonly #client: S3Client;
  /** The store's refusal to list open uploads, if it does not know how. */
  #unlisted: string | undefined;

  /** @param onLeaveOut called once for each extra that the store does not know and that is left out from then on */
  constructor(config: S3Config, onLeaveOut: (extra: Extra, sentence: string) => void = () => undefined) {
    this.destination = config.destination;
    this.checksum = checksumAlgorithm(config);
    this.#config = config;
    this.#client = leaveOutUnknownExtras(createS3Client(config), {
      isOccupied: async (key, signal) => (await lookBeforePut(this, key, signal, false)) !== undefined,
      onLeaveOut: (extra, refusal) => onLeaveOut(extra, describeLeftOut(extra, refusal, config.storageClass)),
    });
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }

  look(key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
    return lookAtObject(this.#client, this.#config, key, signal);
  }

  async putFile(key: string, file: FileHandle, options: PutFileOptions): Promise<PutOutcome> {
    const { digests, onProgress, signal } = options;
    assertFits(digests.bytes, this.destination, this.#url(key));
    const { count } = digests.parts;
    const parts = count > 1 ? count : undefined;
    const send = () =>
      uploadFile(this.#client, file, {
        params: s3PutParams(this.#config, key, options),
        digests,
        isOccupied: async () => (await lookBeforePut(this, key, signal)) !== undefined,
        onProgress,
        signal,
      });
    return this.#put(key, signal, send, parts);
  }

  async putText(key: string, text: string | Buffer, options: PutOptions): Promise<PutOutcome> {
    const { storageClass } = this.#config;
    const config = isArchiveClass(storageClass) ? { ...this.#config, storageClass: undefined } : this.#config;
    const input = { ...s3PutParams(config, key, options), Body: text };
    return this.#put(key, options.signal, async () => {
      await this.#client.send(new PutObjectCommand(input), { abortSignal: options.signal });
    });
  }

  async *read(key: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const action = `read ${this.#url(key)}`;
    const input = { Bucket: this.destination.bucket, Key: key };
    const send = () => this.#client.send(new GetObjectCommand(input), { abortSignal: signal });
    const { Body } = await this.#try(action, signal, send, RIGHT_TO_READ);
    const body = addAbortSignal(signal, Body as Readable) as AsyncIterable<Uint8Array>;
    try {
      yield* body;
    } catch (error) {
      throw signal.aborted ? signal.reason : translateS3Error(error, { config: this.#config, action });
    }
  }

  async *list(prefix: string, signal: AbortSignal, after?: string): AsyncGenerator<ListedObject, void, undefined> {
    const action = `list ${this.#url(prefix)}`;
    let token: string | undefined;
    do {
      const input = { Bucket: this.destination.bucket, Prefix: prefix, StartAfter: after, ContinuationToken: token };
      const send = () => this.#client.send(new ListObjectsV2Command(input), { abortSignal: signal });
      const page = await this.#try(action, signal, send, 's3:ListBucket');
      for (const { Key, Size, ETag } of page.Contents ?? []) {
        signal.throwIfAborted();
        if (Key?.startsWith(prefix) === true && Size !== undefined)
          yield { key: Key, bytes: Size, etag: ETag?.replaceAll('"', '') };
      }
      const next = page.IsTruncated === true ? page.NextContinuationToken : undefined;
      // Half a listing must not pass for a whole one, nor one page repeat for ever.
      if (page.IsTruncated === true && (next === undefined || next === token)) {
        throw new PermanentError(`${action}: the answer is cut and does not say how it goes on`, {
          hint: 'Check S3_ENDPOINT: what answers there does not list objects as S3 does.',
        });
      }
      token = next;
    } while (token !== undefined);
  }

  async delete(key: string, signal: AbortSignal): Promise<DeleteOutcome> {
    const input = { Bucket: this.destination.bucket, Key: key };
    try {
      return await this.#try(
        `delete ${this.#url(key)}`,
        signal,
        async () => {
          try {
            const { DeleteMarker } = await this.#client.send(new DeleteObjectCommand(input), { abortSignal: signal });
            return DeleteMarker === true ? 'hidden' : 'deleted';
          } catch (error) {
            // Some stores say so; S3 itself does not.
            if (readS3Error(error).code === 'NoSuchKey') return 'deleted';
            throw error;
          }
        },
        's3:DeleteObject',
      );
    } catch (error) {
      if (!(error instanceof PermanentError) || !isForbidden(error.cause)) throw error;
      throw new PermanentError(error.message, {
        hint: `${error.hint ?? ''} ${WHAT_ELSE_FORBIDS}`.trim(),
        cause: error.cause,
      });
    }
  }

  async listOpenUploads(
    prefix: string,
    signal: AbortSignal,
  ): Promise<readonly OpenUpload[] | { readonly refused: string }> {
    if (this.#unlisted !== undefined) return { refused: this.#unlisted };
    const uploads: OpenUpload[] = [];
    // Names our prefix, whichever is asked for: a refusal is the same for all.
    const action = `list open uploads in ${this.#url(this.destination.prefix)}`;
    let position: { KeyMarker: string | undefined; UploadIdMarker: string | undefined } | undefined;
    try {
      do {
        const input = { Bucket: this.destination.bucket, Prefix: prefix, ...position };
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
      // A right may be granted later. A store that does not know the request never will.
      if (isUnknownToStore(error.cause) || readS3Error(error.cause).status === 405) this.#unlisted = error.message;
      return { refused: error.message };
    }
    return uploads;
  }

  async abortUpload({ key, id }: OpenUpload, signal: AbortSignal): Promise<void> {
    const input = { Bucket: this.destination.bucket, Key: key, UploadId: id };
    await this.#try(`abort an open upload of ${this.#url(key)}`, signal, async () => {
      try {
        await this.#client.send(new AbortMultipartUploadCommand(input), { abortSignal: signal });
      } catch (error) {
        if (readS3Error(error).status !== 404) throw error;
      }
    });
  }

  async #put(key: string, signal: AbortSignal, send: () => Promise<void>, parts?: number): Promise<PutOutcome> {
    return tryS3({ config: this.#config, action: `put ${this.#url(key)}`, parts }, signal, async () => {
      try {
        await send();
        return 'stored';
      } catch (error) {
        if (error instanceof OccupiedError || readS3Error(error).status === 412) return 'occupied';
        throw error;
      }
    });
  }

  #try<T>(action: string, signal: AbortSignal, work: () => Promise<T>, right?: string): Promise<T> {
    return tryS3({ config: this.#config, action, right }, signal, work);
  }

  #url(key: string): string {
    return `s3://${this.destination.bucket}/${key}`;
  }
}
