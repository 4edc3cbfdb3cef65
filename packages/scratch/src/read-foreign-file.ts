import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/**
 * Reads at most `longest` bytes of a file that another user may have put there. It opens no link, and no pipe, which would
 * make it wait for ever.
 *
 * @returns `undefined` where no file can be read
 */
export async function readForeignFile(path: string, longest: number): Promise<string | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    await using file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!(await file.stat()).isFile()) return undefined;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(longest), 0, longest, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return undefined;
  }
}
