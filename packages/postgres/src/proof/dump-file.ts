import { createHash, type Hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { decryptAge } from '../age/decrypt-age.ts';

/** A dump's file on this disk. */
export type DumpFile = {
  readonly path: string;
  /** File of the identity that decrypts it; `undefined` for a dump that is not encrypted. */
  readonly identityFile?: string | undefined;
};

export type DumpKind = 'database' | 'globals';

/** The kind of a dump, by the name of its file. */
export function kindOfDump(path: string): DumpKind {
  return basename(path).startsWith('globals_') ? 'globals' : 'database';
}

/** Size of a piece: handing it from thread to thread costs more than the work on a small one. */
export const READ_BYTES = 256 * 1024;
const LOOK_AGAIN_MS = 50;

/** Reads the gzip of a dump. @throws as `decryptAge` does */
export function readDumpFile({ path, identityFile }: DumpFile): AsyncGenerator<Buffer, void, undefined> {
  const chunks = followFile(path, Promise.resolve());
  return identityFile === undefined ? chunks : decryptAge(chunks, identityFile);
}

/** Sums what goes by. */
export class Sums {
  readonly #hash: Hash = createHash('sha256');
  bytes = 0;

  async *of(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
    for await (const chunk of chunks) {
      this.#hash.update(chunk);
      this.bytes += chunk.length;
      yield chunk;
    }
  }

  /** Call it once, at the end. */
  sha256(): string {
    return this.#hash.digest('hex');
  }
}

/**
 * Reads the file in pieces of one size; while the file grows, each piece once it is full.
 *
 * @param written when the file is whole
 */
export async function* followFile(path: string, written: Promise<unknown>): AsyncGenerator<Buffer, void, undefined> {
  let isWritten = false;
  const end = written.then(
    () => (isWritten = true),
    () => (isWritten = true),
  );
  await using file = await open(path, 'r');
  let piece = Buffer.allocUnsafeSlow(READ_BYTES);
  for (let length = 0, position = 0; ;) {
    // This is looked up before the read: bytes that are written in between are read next time.
    const isLast = isWritten;
    const { bytesRead } = await file.read(piece, length, READ_BYTES - length, position);
    position += bytesRead;
    length += bytesRead;
    if (length === READ_BYTES || (isLast && bytesRead === 0)) {
      if (length > 0) yield piece.subarray(0, length);
      if (length < READ_BYTES) return;
      piece = Buffer.allocUnsafeSlow(READ_BYTES);
      length = 0;
    } else if (bytesRead === 0) await Promise.race([end, delay(LOOK_AGAIN_MS)]);
  }
}
