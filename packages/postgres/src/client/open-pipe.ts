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
 * A pipe of the kernel's own. Node connects children by pairs of sockets, and those cost a dump, which pg_dump writes in
 * pieces of 4 KiB, nearly a quarter more of everyone's CPU. Node has no call for a pipe: it is made by name, and loses that
 * name before anything else can happen to it.
 *
 * @throws RetryableError if there can be none in the folder for temporary files
 */
export async function openPipe(between = 'pg_dump and the compressor'): Promise<Pipe> {
  const path = join(tmpdir(), `pgstow-${randomUUID()}.pipe`);
  await using stack = new AsyncDisposableStack();
  try {
    stack.defer(() => rm(path, { force: true }));
    const made = await runProgram(['mkfifo', '-m', '600', path], {});
    if (made.failed) throw new Error(made.stderr || made.message);
    // Open at both ends, it lets each of the next two be opened without waiting for the other.
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
