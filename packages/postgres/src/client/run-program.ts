import { execa, type Options, type Result, type ResultPromise } from 'execa';

type Ours = { readonly reject: false };

/** Environment of a program that needs nothing of ours: PATH alone, neither secrets nor options of its own (`GZIP`, `PIGZ`). */
export function bareEnvironment(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '' };
}

/**
 * Starts a program with a bare environment, or with the one that it is given and nothing besides. Its end never rejects: the
 * result says whether it failed. Without `input` or `stdin` it has nothing to read.
 */
export function startProgram<O extends Options>(
  [program = '', ...argv]: readonly string[],
  options: O,
): ResultPromise<O & Ours> {
  const stdin = options.input === undefined ? { stdin: 'ignore' } : {};
  const all = { env: bareEnvironment(), ...stdin, ...options, extendEnv: false, reject: false } as Options;
  return execa(program, argv, all) as unknown as ResultPromise<O & Ours>;
}

/** Runs a program to its end, as `startProgram` does. @throws the signal's reason once that is aborted */
export async function runProgram<O extends Options>(
  command: readonly string[],
  options: O,
  signal?: AbortSignal,
): Promise<Result<O & Ours>> {
  const ended = await startProgram(command, { ...options, ...(signal && { cancelSignal: signal }) });
  signal?.throwIfAborted();
  return ended as Result<O & Ours>;
}
