import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { isOnPath } from '../client/installed-program.ts';

/** A program that writes gzip, from standard input to standard output. */
export type Compressor = {
  readonly program: 'igzip' | 'pigz' | 'gzip';
  readonly argv: readonly string[];
};

/** Fastest first. igzip at its level 1 costs a quarter of what gzip does, for files about 15 % larger. */
const COMPRESSORS: readonly Compressor[] = [
  { program: 'igzip', argv: ['-1', '-c'] },
  // Two threads, because the database server wants the others.
  { program: 'pigz', argv: ['-6', '-n', '-p', '2', '-c'] },
  { program: 'gzip', argv: ['-6', '-n', '-c'] },
];

/** @throws PermanentError if it is not installed */
export async function chooseCompressor(wanted: 'auto' | Compressor['program']): Promise<Compressor> {
  for (const compressor of COMPRESSORS) {
    if ((wanted === 'auto' || wanted === compressor.program) && (await isOnPath(compressor.program))) return compressor;
  }
  throw new PermanentError(`found no ${wanted === 'auto' ? 'igzip, pigz or gzip' : wanted} on PATH`, {
    hint: 'Install it (igzip is in the package isal) or set BACKUP_COMPRESSION=auto.',
  });
}
