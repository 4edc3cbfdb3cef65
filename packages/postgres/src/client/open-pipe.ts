import { randomUUID } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { runProgram } from './run-program.ts';

/** Both ends of a pipe, for child processes; closed when disposed. */
export type Pipe = AsyncDisposable & {
  readonly readEnd: FileHandle;
  readonly writeEnd: FileHandle;
};

/**
 * Makes a pipe of the kernel. Node connects children by socket pairs, which cost a dump nearly a quarter more CPU, because
 * pg_dump writes in pieces of 4 KiB. Node has no call for a pipe, so mkfifo makes one by name, and the name is removed once
 * both ends are open.
 *
 * @throws RetryableError if the folder for temporary files takes none
 */
export async function openPipe(between = 'pg_dump and the compressor'): Promise<Pipe> {
  const path = join(tmpdir(), `pgstow-${randomUUID()}.pipe`);
  await using stack = new AsyncDisposableStack();
  try {
    stack.defer(() => rm(path, { force: true }));
    const made = await runProgram(['mkfifo', '-m', '600', path], {});
    if (made.failed) throw new Error(made.stderr || made.message);
    // While it is open for both, neither of the next two opens waits for the other.
    stack.use(await open(path, 'r+'));
    const readEnd = await open(path, 'r');
    const writeEnd = await open(path, 'w').catch(async (error: unknown) => {
      await readEnd.close();
      throw error;
    });
    return {
      readEnd,
      writeEnd,
      [Symbol.asyncDispose]: async () => void (await Promise.all([readEnd.close(), writeEnd.close()])),
    };
  } catch (cause) {
    throw new RetryableError(`cannot make a pipe between ${between}: ${(cause as Error).message}`, {
      hint: `Let this process write to ${tmpdir()}, or set TMPDIR to a folder where it may.`,
      cause,
    });
  }
}
