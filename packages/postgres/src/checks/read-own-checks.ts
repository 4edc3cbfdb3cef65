import { readFile } from 'node:fs/promises';
import { OwnChecksError, parseOwnChecks, type OwnCheck } from './parse-own-checks.ts';

/** Reads the file of VERIFY_CHECKS. @throws OwnChecksError if it cannot be read, or is not as it should be */
export async function readOwnChecks(path: string): Promise<readonly OwnCheck[]> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new OwnChecksError(`VERIFY_CHECKS: cannot read ${path}: ${cause.message}`, { cause });
  });
  try {
    return parseOwnChecks(text);
  } catch (cause) {
    throw new OwnChecksError(`VERIFY_CHECKS: ${path}: ${(cause as Error).message}`, { cause });
  }
}

export function isFor(database: string): (check: OwnCheck) => boolean {
  return ({ databases }) => databases === undefined || databases.includes(database);
}
