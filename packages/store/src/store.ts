import type { FileHandle } from 'node:fs/promises';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import type { DigestOptions, FileDigests } from './file-digests.ts';

/** The facts of an object, without its content. */
export type StoredObject = {
  readonly bytes: number;
  /** Text without quotes. */
  readonly etag: string | undefined;
  /** Whether the ETag may be made of MD5 sums. Encrypted with a key service's or the client's keys, it never is. */
  readonly isEtagDigest: boolean;
  /** Checksums that the store keeps, in base64; `-N` at the end marks the checksum of the checksums of N parts. */
  readonly checksums: { readonly crc32: string | undefined; readonly sha256: string | undefined };
  /** Metadata as it was put, with names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly versionId: string | undefined;
};

export type PutOptions = {
  /**
   * `create` asks the store to refuse if an object lies there. Not every store can: look first. `replace` writes over any
   * object.
   */
  readonly mode: 'create' | 'replace';
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
};

export type PutFileOptions = PutOptions & {
  /** The digests of the file; they say how much of it is sent, and in which parts. */
  readonly digests: FileDigests;
  /** Called as parts arrive. */
  readonly onProgress: (sentBytes: number) => void;
};

/** An object in a listing. */
export type ListedObject = {
  readonly key: string;
  readonly bytes: number;
  /** Text without quotes. */
  readonly etag: string | undefined;
};

/** `occupied`: an object lies there, perhaps from an attempt whose answer was lost. Look at it. */
export type PutOutcome = 'stored' | 'occupied';

/**
 * `deleted`: it is gone. `hidden`: the store keeps versions, and the object lies below a delete marker. It takes its room, and can be brought
 * back, until a rule of the store drops it.
 */
export type DeleteOutcome = 'deleted' | 'hidden';

/** An upload in parts that was neither completed nor given up. Its parts are stored, and billed. */
export type OpenUpload = {
  readonly key: string;
  readonly id: string;
  readonly startedAt: Date;
};

/**
 * The store of one destination. Each implementation passes `describeStore` in testing/store-contract.ts.
 *
 * A method fails in one of two ways. A `PermanentError` (no such bucket, refused credentials, a bad endpoint): another call fails
 * in the same way until a person mends what the hint says. A `RetryableError` (resets, time-outs, 5xx, throttling): the same call
 * may succeed later. A store makes a few quick attempts of its own; its caller has the patience. Once `signal` is aborted, a
 * method ends soon and throws the signal's reason.
 */
export interface Store {
  readonly destination: Destination;
  /** The checksum that it is asked to keep; `FileDigests` of a file that is put here have it. */
  readonly checksum: DigestOptions['checksum'];

  /**
   * Looks at the object under a key; `undefined` if the store says that there is none.
   *
   * @throws HiddenError if these credentials may not read it; before a put see `lookBeforePut`
   */
  look(key: string, signal: AbortSignal): Promise<StoredObject | undefined>;

  /**
   * Puts a file. Sent in parts, it appears whole or not at all, and only once `digests.whole` has resolved. Before an error or an
   * abort is thrown, the store is asked to drop the parts, which fails while the store is away: see `listOpenUploads`. `stored`
   * does not mean that the content is right: look, and compare.
   */
  putFile(key: string, file: FileHandle, options: PutFileOptions): Promise<PutOutcome>;

  /** Puts a small text that can be read back at once: never into an archive, even where files go into one. */
  putText(key: string, text: string | Buffer, options: PutOptions): Promise<PutOutcome>;

  /**
   * Reads the content of an object. Read it to its end, or give it up with `return`.
   *
   * @throws MissingError if there is none; PermanentError that names the right to read, if these credentials do not have it;
   *   ArchivedError if it has to be restored from an archive first
   */
  read(key: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined>;

  /**
   * Lists every object whose key begins with the prefix, page by page and in no order. An object that is put or deleted meanwhile
   * may be in it or not, and so may one whose key is not behind `after`, byte by byte.
   *
   * @throws PermanentError that names the right to list, if these credentials do not have it
   */
  list(prefix: string, signal: AbortSignal, after?: string): AsyncGenerator<ListedObject, void, undefined>;

  /**
   * Deletes the object under a key, or hides it where the store keeps versions. It is no error if there is none. No caller deletes unless a
   * person has set how much is to be kept at this destination.
   *
   * @throws PermanentError that names the right to delete, if these credentials do not have it or the object is locked
   */
  delete(key: string, signal: AbortSignal): Promise<DeleteOutcome>;

  /** Lists the open uploads under a prefix, or says why this store or these credentials cannot. */
  listOpenUploads(prefix: string, signal: AbortSignal): Promise<readonly OpenUpload[] | { readonly refused: string }>;

  /** Drops an open upload and its parts. It is no error if the upload is no longer open. */
  abortUpload(upload: OpenUpload, signal: AbortSignal): Promise<void>;
}
