import type { FileHandle } from 'node:fs/promises';
import { compressText } from '@pgstow/postgres/dump/compress-text.ts';
import type { Compressor } from '@pgstow/postgres/dump/compressor.ts';
import { dumpGlobals, type DumpGlobalsOptions } from '@pgstow/postgres/dump/dump-globals.ts';
import type { AskedServer } from '@pgstow/postgres/facts/server-facts.ts';
import { proveGzip } from '@pgstow/postgres/proof/prove-gzip.ts';
import { sealText } from '@pgstow/postgres/proof/seal-text.ts';
import type { GlobalsFacts } from '@pgstow/shared/contract/globals-facts.ts';
import type { ProvenContent } from '@pgstow/shared/contract/manifest.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';

/** Writes what all databases of a server share into the partial, and proves it. The file is closed in any case. */
export async function dumpGlobalsAndProve(
  partial: string,
  file: FileHandle,
  {
    server,
    compressor,
    recipients,
    ...options
  }: Omit<DumpGlobalsOptions, 'write' | 'session' | 'major'> & {
    readonly server: AskedServer;
    readonly compressor: Compressor;
    /** Public keys of age; none for a dump that is not encrypted. */
    readonly recipients: readonly string[];
  },
): Promise<{ readonly gzip: ProvenContent; readonly globals: GlobalsFacts }> {
  const { session, major } = server;
  try {
    if (session === undefined)
      throw new RetryableError('no second connection is left: role, database or server are at their limit', {
        hint: 'A dump of globals takes two: see CONNECTION LIMIT of role and database, and max_connections.',
      });
    await using _session = session;
    const target = { ...options, path: partial, file, compressor, recipients };
    let sealed: ProvenContent | undefined;
    const globals = await dumpGlobals({
      ...options,
      session,
      major,
      write: async (text) => {
        if (recipients.length > 0) sealed = await sealText(text, target);
        else await compressText(text, target);
      },
    });
    await file.sync();
    return { gzip: sealed ?? (await proveGzip(partial, options.signal)), globals };
  } finally {
    await file.close();
  }
}
