import { closeSync, constants, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import { join } from 'node:path';

/** Parses a record's text, whose buffer is written over afterwards. `JSON.parse` may throw. */
export type RecordParser<T> = {
  safeParse(
    text: Buffer,
  ):
    | { readonly data: T; readonly error?: undefined }
    | { readonly data?: undefined; readonly error: { readonly issues: readonly { readonly message: string }[] } };
};

type Kept = {
  readonly bytes: number;
  readonly inode: number;
  readonly modifiedMs: number;
  readonly changedMs: number;
  readonly parser: unknown;
  readonly record: unknown;
};

/**
 * A file that was written just now may be written once more within the same tick of its file system's clock, which is as long as
 * two seconds, and look the same.
 */
const SETTLED_AFTER_MS = 3000;

/**
 * Reads the records of a folder, and remembers each until its file's size, times or inode differ. It reads them one at a time and
 * waits for the disk: a tenth of the processor time that it takes otherwise, and room for one record.
 */
export class Records {
  readonly folder: string;
  readonly #kept = new Map<string, Kept>();
  #buffer = Buffer.allocUnsafe(64 * 1024);

  constructor(folder: string) {
    this.folder = folder;
  }

  /** @returns `undefined` if the file is gone, and an error if it is there and cannot be read, which is not the same */
  read<T>(file: string, parser: RecordParser<T>): T | Error | undefined {
    try {
      const stats = this.look(file);
      if (stats === undefined) return undefined;
      const kept = this.#kept.get(file);
      if (kept?.parser === parser && isOf(kept, stats)) return kept.record as T;
      if (!stats.isFile()) return new Error('it is not a regular file');
      const { data, error } = parser.safeParse(this.#readText(file, stats.size));
      if (error !== undefined) return new Error(error.issues[0]?.message ?? '');
      if (isSettled(stats)) this.#kept.set(file, keep(stats, parser, data));
      return data;
    } catch (error) {
      return ifGone(error);
    }
  }

  /** @returns `undefined` if nothing has that name. @throws if the disk does not say */
  look(file: string): Stats | undefined {
    return lstatSync(join(this.folder, file), { throwIfNoEntry: false });
  }

  /** Forgets the records of files that are gone. */
  keepOnly(files: ReadonlySet<string>): void {
    for (const file of this.#kept.keys()) if (!files.has(file)) this.#kept.delete(file);
  }

  #readText(file: string, expectedBytes: number): Buffer {
    if (this.#buffer.length <= expectedBytes) this.#buffer = Buffer.allocUnsafeSlow(expectedBytes + 1);
    const descriptor = openSync(join(this.folder, file), READ);
    try {
      let end = 0;
      for (;;) {
        const bytes = readSync(descriptor, this.#buffer, end, this.#buffer.length - end, end);
        end += bytes;
        if (bytes === 0) return this.#buffer.subarray(0, end);
        if (end === this.#buffer.length) this.#buffer = Buffer.concat([this.#buffer], 2 * end);
      }
    } finally {
      closeSync(descriptor);
    }
  }
}

/** A link, or a pipe that waits for its writer, may have taken the file's place since it was looked at. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function keep(stats: Stats, parser: unknown, record: unknown): Kept {
  const { size, ino, mtimeMs, ctimeMs } = stats;
  return { bytes: size, inode: ino, modifiedMs: mtimeMs, changedMs: ctimeMs, parser, record };
}

function isOf({ bytes, inode, modifiedMs, changedMs }: Kept, { size, ino, mtimeMs, ctimeMs }: Stats): boolean {
  return bytes === size && inode === ino && modifiedMs === mtimeMs && changedMs === ctimeMs;
}

function isSettled({ mtimeMs, ctimeMs }: Stats): boolean {
  return Math.max(mtimeMs, ctimeMs) < Date.now() - SETTLED_AFTER_MS;
}

/** `undefined` for a file that is gone, and the error for one that is there or may be. */
export function ifGone(error: unknown): Error | undefined {
  const fault = error instanceof Error ? error : new Error(String(error));
  return 'code' in fault && fault.code === 'ENOENT' ? undefined : fault;
}
