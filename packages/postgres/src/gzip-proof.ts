import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { execa } from 'execa';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { bareEnvironment, type Compressor } from './compressor.ts';
import { DumpTextReader, type DumpText } from './dump-text.ts';

export type ProvenGzip = {
  readonly bytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly text: DumpText;
};

/**
 * Proves compressed bytes as they go by: the gzip decompresses whole, and its text is a complete dump. Another process
 * decompresses, so that the proof runs beside the dump and not after it.
 */
export class GzipProof implements AsyncDisposable {
  readonly #hash = createHash('sha256');
  readonly #reader = new DumpTextReader();
  readonly #stop = new AbortController();
  readonly #decompressor;
  readonly #done: Promise<{ readonly failed: boolean; readonly signal: string | undefined; readonly stderr: string }>;
  readonly #program: string;
  #bytes = 0;
  /** The last four bytes so far. */
  #tail: Buffer = Buffer.alloc(0);

  /** @param onText called with the size of each piece of text */
  constructor(compressor: Compressor, onText: (bytes: number) => void = () => undefined) {
    let stderr = '';
    this.#program = compressor.program;
    this.#decompressor = execa(compressor.program, compressor.decompress, {
      buffer: false,
      stdin: 'pipe',
      reject: false,
      cancelSignal: this.#stop.signal,
      ...bareEnvironment(),
    });
    this.#decompressor.stdout.on('data', (chunk: Buffer) => {
      this.#reader.push(chunk);
      onText(chunk.length);
    });
    this.#decompressor.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-500)));
    // Its death shows in its exit; a broken pipe on the way there says nothing more.
    this.#decompressor.stdin.on('error', () => undefined);
    this.#done = this.#decompressor.then(({ failed, signal }) => ({ failed, signal, stderr: stderr.trim() }));
  }

  /** @throws RetryableError if the decompressor has given up, so that nobody goes on for hours for nothing */
  async write(chunk: Buffer): Promise<void> {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    this.#tail = Buffer.concat([this.#tail, chunk.subarray(-4)]).subarray(-4);
    const { stdin } = this.#decompressor;
    if (stdin.writable && stdin.write(chunk)) return;
    // A broken pipe ends the wait as well; why it broke shows in how the decompressor ended.
    const drained = (): Promise<unknown> => once(stdin, 'drain', { signal: this.#stop.signal }).catch(() => undefined);
    if (stdin.writable) await Promise.race([drained(), this.#done]);
    if (!stdin.writable) await this.#assertDecompressed();
  }

  /** @throws RetryableError if the bytes are not one whole gzip of a complete dump */
  async end(): Promise<ProvenGzip> {
    this.#decompressor.stdin.end();
    await this.#assertDecompressed();
    const text = this.#reader.end();
    if (!text.isComplete) throw new RetryableError("the dump does not end with pg_dump's completion line");
    this.#assertOneMember(text.bytes);
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex'), text };
  }

  async #assertDecompressed(): Promise<void> {
    const { failed, signal, stderr } = await this.#done;
    if (signal !== undefined) {
      throw new RetryableError(`${this.#program}, which decompressed the dump to prove it, was ended by ${signal}`);
    }
    if (failed) throw new RetryableError(`the gzip does not decompress whole${stderr === '' ? '' : `: ${stderr}`}`);
  }

  /**
   * A gzip ends with the size of its text, modulo 2^32. Programs differ in what they make of bytes behind it: igzip and
   * pigz pass over them without a word, gzip complains, and all take another gzip for more of the text.
   * Source: https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1
   */
  #assertOneMember(textBytes: number): void {
    if (this.#tail.length === 4 && this.#tail.readUInt32LE() === textBytes % 2 ** 32) return;
    throw new RetryableError('the file is not one gzip and nothing else: bytes follow its end');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}

/** Proves a file that lies there. @throws RetryableError if it is not one whole gzip of a complete dump */
export async function proveGzipFile(path: string, compressor: Compressor, signal: AbortSignal): Promise<ProvenGzip> {
  await using proof = new GzipProof(compressor);
  const chunks: AsyncIterable<Buffer> = createReadStream(path, { signal, highWaterMark: 256 * 1024 });
  for await (const chunk of chunks) await proof.write(chunk);
  return await proof.end();
}
