import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { planParts, type PartPlan } from './part-plan.ts';

/** Everything that a store may say of a file's content. */
export type FileDigest = {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly partCount: number;
  /** As S3 makes it: the MD5 of the content or, of an upload in parts, the MD5 of the parts' MD5s, `-` and their number. */
  readonly etag: string;
  /** Base64, of the whole content. */
  readonly checksums: { readonly crc32: string | undefined; readonly sha256: string };
  /** Base64, of the parts' checksums one after the other. */
  readonly partsChecksums: { readonly crc32: string | undefined; readonly sha256: string | undefined };
};

export type PartDigest = {
  readonly md5: Buffer;
  /** There if it is the wanted checksum, as `sha256`. */
  readonly crc32: Buffer | undefined;
  readonly sha256: Buffer | undefined;
};

export type DigestOptions = {
  /** Size of the file. */
  readonly bytes: number;
  /** What the store is asked to keep, which is worth the time it takes only then. */
  readonly checksum: 'CRC32' | 'SHA256' | undefined;
  readonly signal: AbortSignal;
  /** Judges the digest of the whole file. `whole` rejects with what it throws. */
  readonly check?: (digest: FileDigest) => void;
};

const READ_BYTES = 256 * 1024;

/**
 * Digests a file part by part as the parts are asked for, each once, in their order and with one read for all sums. While one part
 * is sent, the next one is digested; so the pages of the file that are sent next are in memory.
 */
export class FileDigests {
  readonly bytes: number;
  readonly parts: PartPlan;
  readonly #file: FileHandle;
  readonly #options: DigestOptions;
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly #sha256 = createHash('sha256');
  #crc = 0;
  readonly #digests: Promise<PartDigest>[] = [];
  #whole: Promise<FileDigest> | undefined;

  constructor(file: FileHandle, options: DigestOptions) {
    this.bytes = options.bytes;
    this.parts = planParts(options.bytes);
    this.#file = file;
    this.#options = options;
  }

  /** The digest of a part, the first of which is number 1. */
  async part(number: number): Promise<PartDigest> {
    while (this.#digests.length < Math.min(number + 1, this.parts.count)) {
      const digest = this.#digestAfter(this.#digests.at(-1), this.#digests.length);
      // A part that is digested ahead may never be asked for.
      digest.catch(() => undefined);
      this.#digests.push(digest);
    }
    const digest = this.#digests[number - 1];
    if (digest === undefined) throw new Error(`wanted a part from 1 to ${this.parts.count}, got ${number}`);
    return digest;
  }

  /** The digest of the file, once `check` has let it pass. */
  whole(): Promise<FileDigest> {
    this.#whole ??= this.#sumUp();
    return this.#whole;
  }

  async #digestAfter(previous: Promise<PartDigest> | undefined, index: number): Promise<PartDigest> {
    await previous;
    const { signal, checksum } = this.#options;
    const md5 = createHash('md5');
    const sha256 = checksum === 'SHA256' ? createHash('sha256') : undefined;
    let crc = 0;
    let position = index * this.parts.partBytes;
    const end = Math.min(position + this.parts.partBytes, this.bytes);
    while (position < end) {
      signal.throwIfAborted();
      const { bytesRead } = await this.#file.read(this.#buffer, 0, Math.min(READ_BYTES, end - position), position);
      if (bytesRead === 0) throw new RetryableError(`the file ends after ${position} of ${this.bytes} bytes`);
      const chunk = this.#buffer.subarray(0, bytesRead);
      for (const sum of [this.#sha256, md5, sha256]) sum?.update(chunk);
      if (checksum === 'CRC32') {
        crc = crc32(chunk, crc);
        this.#crc = crc32(chunk, this.#crc);
      }
      position += bytesRead;
    }
    return {
      md5: md5.digest(),
      crc32: checksum === 'CRC32' ? crcBytes(crc) : undefined,
      sha256: sha256?.digest(),
    };
  }

  async #sumUp(): Promise<FileDigest> {
    await this.part(this.parts.count);
    const parts = await Promise.all(this.#digests);
    const [only] = parts;
    this.#options.signal.throwIfAborted();
    const { checksum, check } = this.#options;
    const sha256 = this.#sha256.digest();
    const digest: FileDigest = {
      bytes: this.bytes,
      sha256: sha256.toString('hex'),
      partCount: parts.length,
      etag:
        parts.length === 1 && only !== undefined
          ? only.md5.toString('hex')
          : `${createHash('md5').update(concat(parts, 'md5')).digest('hex')}-${parts.length}`,
      checksums: {
        crc32: checksum === 'CRC32' ? crcBytes(this.#crc).toString('base64') : undefined,
        sha256: sha256.toString('base64'),
      },
      partsChecksums: {
        crc32: checksum === 'CRC32' ? crcBytes(crc32(concat(parts, 'crc32'))).toString('base64') : undefined,
        sha256:
          checksum === 'SHA256' ? createHash('sha256').update(concat(parts, 'sha256')).digest('base64') : undefined,
      },
    };
    check?.(digest);
    return digest;
  }
}

function concat(parts: readonly PartDigest[], sum: keyof PartDigest): Buffer {
  return Buffer.concat(parts.flatMap((part) => part[sum] ?? []));
}

/** S3 writes a CRC32 as its four bytes, the highest first. */
function crcBytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
