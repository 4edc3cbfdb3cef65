import type { FileHandle } from 'node:fs/promises';

/** Writes to the disk to find out whether it is full: compressors report that only by exit codes, and each by another one. */
export async function assertDiskTakesMore(file: FileHandle): Promise<void> {
  const more = Buffer.alloc(1024 * 1024);
  for (let written = 0; written < more.length;) written += (await file.write(more, written)).bytesWritten;
}
