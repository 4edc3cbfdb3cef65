import type { DumpFile } from '@pgstow/postgres/proof/dump-file.ts';
import { proveGzip } from '@pgstow/postgres/proof/prove-gzip.ts';
import { extensionsOf, type DumpedExtension } from '@pgstow/postgres/restore/missing-extensions.ts';
import { readDumpExtensions } from '@pgstow/postgres/restore/read-dump-extensions.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';

/** Facts of a dump that its restore needs first. */
export type DumpFacts = {
  readonly major: number;
  readonly roles: readonly string[];
  readonly extensions: readonly DumpedExtension[];
};

/** Reads them in the manifest or, where that is an older one or of an adopted dump, in the dump's text. */
export async function readDumpFacts(
  manifest: Manifest,
  { path, identityFile }: DumpFile,
  signal: AbortSignal,
): Promise<DumpFacts> {
  const isKnown = manifest.roles !== undefined && manifest.serverVersion !== undefined;
  const content = isKnown ? undefined : await proveGzip(path, signal, undefined, identityFile);
  const roles = manifest.roles ?? content?.roles;
  const serverVersion = manifest.serverVersion ?? content?.serverVersion;
  const major = Number.parseInt(serverVersion ?? '', 10);
  if (Number.isNaN(major))
    throw new PermanentError('neither the manifest nor the dump says which version of PostgreSQL it is of');
  const { needs, source } = manifest;
  const areUnknown = needs?.extensions === undefined && source === undefined;
  const extensions = areUnknown ? await readDumpExtensions({ path, identityFile }, signal) : extensionsOf(manifest);
  return { major, roles: roles ?? [], extensions };
}
