import type { FileHandle } from 'node:fs/promises';
import type { DestinationPlace } from '@pgstow/shared/contract/receipt.ts';
import type { PartPlan } from './part-plan.ts';

/** What a store says of an object without handing it out. */
export type StoredObject = {
  readonly bytes: number;
  /** Without quotes. */
  readonly etag: string | undefined;
  /** Whether the ETag may be made of MD5 sums. With keys of a key service or of the client it never is. */
  readonly isEtagDigest: boolean;
  /** What the store keeps, in base64; `-N` at the end says that it is the checksum of the checksums of N parts. */
  readonly checksums: { readonly crc32: string | undefined; readonly sha256: string | undefined };
  /** As it was put, its names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly versionId: string | undefined;
};

export type PutOptions = {
  /**
   * `create` asks the store to refuse if anything lies there. Not every store can: look first. `replace` writes over
   * whatever lies there.
   */
  readonly mode: 'create' | 'replace';
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
};

export type PutFileOptions = PutOptions & {
  /** How much of the file to send, from its beginning. */
  readonly bytes: number;
  readonly parts: PartPlan;
  /** Called as parts arrive. */
  readonly onProgress: (sentBytes: number) => void;
};

/** An object as a listing names it. */
export type ListedObject = { readonly key: string; readonly bytes: number };

/** `occupied`: something lies there, perhaps from an attempt whose answer was lost; look at it. */
export type PutOutcome = 'stored' | 'occupied';

/** An upload in parts that was begun and neither completed nor given up. Its parts are stored, and billed. */
export type OpenUpload = {
  readonly key: string;
  readonly id: string;
  readonly startedAt: Date;
};

/**
 * A place that dumps are copied to. All who implement it pass `describeStore` in testing/store-contract.ts.
 *
 * Every method that fails throws one of two things. A `PermanentError` (no such bucket, refused credentials, a bad
 * endpoint) says that another call fails in the same way until a person mends what its hint says. A `RetryableError`
 * (resets, time-outs, 5xx, a throttled caller) says that the same call may succeed later; a store makes a few quick
 * attempts of its own and leaves the patience to its caller. Once `signal` is aborted, a method ends soon and throws
 * the signal's reason.
 */
export interface Store {
  readonly place: DestinationPlace;

  /**
   * What lies under a key, or `undefined` if the store says that nothing does.
   *
   * @throws HiddenError if these credentials may not read it; before a put see `lookBeforePut`
   */
  look(key: string, signal: AbortSignal): Promise<StoredObject | undefined>;

  /**
   * Puts a file. Sent in parts, it appears whole or not at all; before an error or an abort is thrown, the store was
   * asked to drop the parts (which may fail where the store is away: see `listOpenUploads`). `stored` does not mean
   * that the content is right: look, and compare.
   */
  putFile(key: string, file: FileHandle, options: PutFileOptions): Promise<PutOutcome>;

  /** Puts a small text where it can be read back at once: into no archive, wherever files are put. */
  putText(key: string, text: string, options: PutOptions): Promise<PutOutcome>;

  /**
   * The content of an object, to be read to its end or given up with `return`.
   *
   * @throws MissingError if there is none; PermanentError that names the right to read, if these credentials do not have it;
   *   ArchivedError if it has to be restored from an archive first
   */
  read(key: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined>;

  /**
   * Every object whose key begins with the prefix, page by page as it is read, in no order that counts. What is put or
   * deleted meanwhile may be in it or not.
   *
   * @throws PermanentError that names the right to list, if these credentials do not have it
   */
  list(prefix: string, signal: AbortSignal): AsyncGenerator<ListedObject, void, undefined>;

  /** The open uploads under a prefix, or why this store or these credentials cannot tell. */
  listOpenUploads(prefix: string, signal: AbortSignal): Promise<readonly OpenUpload[] | { readonly refused: string }>;

  /** Drops an open upload and its parts. One that is no longer open is no error. */
  abortUpload(upload: OpenUpload, signal: AbortSignal): Promise<void>;
}
