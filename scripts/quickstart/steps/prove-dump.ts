import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { execa } from 'execa';
import type { Run } from '../run-to-end.ts';
import { sumRows, type Sample } from './load-sample.ts';

const COMPLETION_LINE = '-- PostgreSQL database dump complete';

/** Repeats by other means the proof that the dump worker made before it named the file. @returns the rows, for the summary */
export async function proveDump(
  { steps, signal, backupDir }: Run,
  manifest: Manifest,
  sample: Sample,
): Promise<string> {
  return steps.run('Proof', async (report) => {
    const file = join(backupDir, manifest.name);
    const sha256 = await hashFile(file, signal);
    if (sha256 !== manifest.sha256) {
      throw new Error(`wanted the sha256 ${manifest.sha256} of the manifest, got ${sha256}`);
    }

    const options = { buffer: false, cancelSignal: signal } as const;
    const { stdout: end } = await execa('gunzip', ['-c', file], options).pipe('tail', ['-n', '8'], {
      cancelSignal: signal,
    });
    if (!end.includes(COMPLETION_LINE)) throw new Error(`wanted "${COMPLETION_LINE}" at the end, got:\n${end}`);

    if (!isDeepStrictEqual({ ...manifest.tables }, { ...sample })) {
      throw new Error(
        `wanted the rows of the source, ${JSON.stringify(sample)}, got ${JSON.stringify(manifest.tables)}`,
      );
    }
    const rows = `${sumRows(sample).toLocaleString('en')} rows in ${Object.keys(sample).length} tables`;
    report(`sha256, gzip, last line; ${rows}`);
    return rows;
  });
}

/** Reads a file's sha256 in lower-case hexadecimal. */
export async function hashFile(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}
