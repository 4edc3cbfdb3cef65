import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { boundToUs } from '../client/bound-to-us.ts';
import { isOnPath } from '../client/installed-program.ts';
import { keepTail } from '../client/program-end.ts';

/** A program of a chain of pipes. Disposing ends it. */
export type PipedProgram = AsyncDisposable & {
  readonly child: ChildProcess;
  /** Resolves once it has ended: why it failed, in words that its name begins, or `undefined`. Never rejects. */
  readonly ended: Promise<string | undefined>;
};

/** Most of a message that is shown. */
const SHOWN_CHARACTERS = 500;

/**
 * Starts age. @param argv `--decrypt` and so on; secrets are named by their files
 * @throws PermanentError if it is not installed
 */
export async function startAge(argv: readonly string[], stdio: StdioOptions): Promise<PipedProgram> {
  if (!(await isOnPath('age')))
    throw new PermanentError('found no age on PATH', {
      hint: 'Install the package age, or remove AGE_RECIPIENTS to take dumps that are not encrypted.',
    });
  return startPiped('age', argv, stdio);
}

/**
 * Starts a program that ends with the thread that started it. It runs in threads, where execa would take more memory than the work
 * itself.
 */
export async function startPiped(program: string, argv: readonly string[], stdio: StdioOptions): Promise<PipedProgram> {
  const [command = '', ...words] = await boundToUs([program, ...argv], 'TERM');
  const child = spawn(command, words, { stdio, env: { PATH: process.env['PATH'] ?? '' } });
  const said = child.stderr === null ? (): string => '' : keepTail(child.stderr);
  // A reader that goes away is noticed by how the program ends.
  child.stdin?.on('error', () => undefined);
  const closed = once(child, 'close');
  const ended = closed.then(
    ([code, signal]) => {
      if (code === 0) return undefined;
      const how = signal === null ? `exited with code ${String(code)}` : `was ended by ${String(signal)}`;
      return describe(`${program} ${how}`, said());
    },
    (error: unknown) => `${program} could not be started (${(error as Error).message})`,
  );
  return {
    child,
    ended,
    [Symbol.asyncDispose]: async () => {
      child.stdin?.destroy();
      child.stdout?.destroy();
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function describe(end: string, said: string): string {
  const first = said
    .replaceAll(/^age: (?:error|warning|hint): /gm, '')
    .replaceAll(/^age: report unexpected.*$/gm, '')
    .trim()
    .slice(0, SHOWN_CHARACTERS);
  return first === '' ? end : `${end}: ${first}`;
}
