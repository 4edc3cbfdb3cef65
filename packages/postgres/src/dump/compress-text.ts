import type { FileHandle } from 'node:fs/promises';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { describeEnd } from '../client/program-end.ts';
import { runProgram } from '../client/run-program.ts';
import type { Compressor } from './compressor.ts';

/** Compresses a text into a file. @throws RetryableError if that fails, or takes longer than `timeoutMs` */
export async function compressText(
  text: string,
  {
    compressor,
    file,
    timeoutMs,
    signal,
  }: {
    readonly compressor: Compressor;
    readonly file: FileHandle;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const limits = { input: text, stdout: file.fd as 1, timeout: timeoutMs };
  const compressed = await runProgram([compressor.program, ...compressor.argv], limits, signal);
  if (compressed.failed)
    throw new RetryableError(`${compressor.program} ${describeEnd(compressed)}: ${compressed.stderr}`);
}
