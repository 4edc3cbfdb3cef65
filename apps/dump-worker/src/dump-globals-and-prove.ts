import type { FileHandle } from 'node:fs/promises';
import { dumpGlobals, type DumpGlobalsOptions } from '@pgstow/postgres/dump/dump-globals.ts';
import type { AskedServer } from '@pgstow/postgres/facts/server-facts.ts';
import { proveGzip } from '@pgstow/postgres/proof/prove-gzip.ts';
import type { GlobalsFacts } from '@pgstow/shared/contract/globals-facts.ts';
import type { ProvenContent } from '@pgstow/shared/contract/manifest.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';

/** Writes what all databases of a server share into the partial, and proves it. The file is closed in any case. */
export async function dumpGlobalsAndProve(
  partial: string,
  file: FileHandle,
  { server, ...options }: Omit<DumpGlobalsOptions, 'file' | 'session' | 'major'> & { readonly server: AskedServer },
): Promise<{ readonly gzip: ProvenContent; readonly globals: GlobalsFacts }> {
  const { session, major } = server;
  try {
    if (session === undefined)
      throw new RetryableError('no second connection is left: role, database or server are at their limit', {
        hint: 'A dump of globals takes two: see CONNECTION LIMIT of role and database, and max_connections.',
      });
    await using _session = session;
    const globals = await dumpGlobals({ ...options, session, major, file });
    await file.sync();
    return { gzip: await proveGzip(partial, options.signal), globals };
  } finally {
    await file.close();
  }
}
