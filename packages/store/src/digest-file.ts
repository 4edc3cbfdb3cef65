import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { PartPlan } from './part-plan.ts';

/** Everything that a store may say of a file's content, from one pass over it. */
export type FileDigest = {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly partCount: number;
  /** As S3 makes it: the MD5 of the content or, of an upload in parts, the MD5 of the parts' MD5s, `-` and their number. */
  readonly etag: string;
  /** Base64, of the whole content. */
  readonly checksums: { readonly crc32: string; readonly sha256: string };
  /** Base64, of the parts' checksums one after the other. */
  readonly partsChecksums: { readonly crc32: string; readonly sha256: string | undefined };
};

export type DigestOptions = {
  /** How the upload cuts the file. */
  readonly parts: PartPlan;
  /** Whether each part has a SHA-256 too, which doubles the most expensive step. */
  readonly hasPartSha256: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: (readBytes: number) => void;
};

const READ_BYTES = 1024 * 1024;

/** Reads a file once, from its beginning to its end. Memory stays flat whatever its size. */
export async function digestFile(
  file: FileHandle,
  { parts, hasPartSha256, signal, onProgress }: DigestOptions,
): Promise<FileDigest> {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  const whole = createHash('sha256');
  const finished: PartSums[] = [];
  let part = startPart(hasPartSha256);
  let wholeCrc = 0;
  let position = 0;
  for (;;) {
    signal.throwIfAborted();
    // A read never crosses the end of a part.
    const untilPartEnds = parts.partBytes - (position % parts.partBytes);
    const { bytesRead } = await file.read(buffer, 0, Math.min(READ_BYTES, untilPartEnds), position);
    if (bytesRead === 0) break;
    const chunk = buffer.subarray(0, bytesRead);
    whole.update(chunk);
    wholeCrc = crc32(chunk, wholeCrc);
    part.md5.update(chunk);
    part.sha256?.update(chunk);
    part.crc = crc32(chunk, part.crc);
    part.bytes += bytesRead;
    position += bytesRead;
    onProgress?.(position);
    if (position % parts.partBytes === 0) {
      finished.push(endPart(part));
      part = startPart(hasPartSha256);
    }
  }
  if (part.bytes > 0 || finished.length === 0) finished.push(endPart(part));

  const [only] = finished;
  const sha256 = whole.digest();
  return {
    bytes: position,
    sha256: sha256.toString('hex'),
    partCount: finished.length,
    etag:
      finished.length === 1 && only !== undefined
        ? only.md5.toString('hex')
        : `${createHash('md5').update(concat(finished, 'md5')).digest('hex')}-${finished.length}`,
    checksums: { crc32: crcBytes(wholeCrc).toString('base64'), sha256: sha256.toString('base64') },
    partsChecksums: {
      crc32: crcBytes(crc32(concat(finished, 'crc'))).toString('base64'),
      sha256: hasPartSha256 ? createHash('sha256').update(concat(finished, 'sha256')).digest('base64') : undefined,
    },
  };
}

type Part = { readonly md5: Hash; readonly sha256: Hash | undefined; crc: number; bytes: number };
type PartSums = { readonly md5: Buffer; readonly sha256: Buffer; readonly crc: Buffer };

function startPart(hasSha256: boolean): Part {
  return { md5: createHash('md5'), sha256: hasSha256 ? createHash('sha256') : undefined, crc: 0, bytes: 0 };
}

function endPart({ md5, sha256, crc }: Part): PartSums {
  return { md5: md5.digest(), sha256: sha256?.digest() ?? Buffer.alloc(0), crc: crcBytes(crc) };
}

function concat(parts: readonly PartSums[], sum: keyof PartSums): Buffer {
  return Buffer.concat(parts.map((part) => part[sum]));
}

/** S3 writes a CRC32 as its four bytes, the highest first. */
function crcBytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
