import { LockedError } from '@pgstow/postgres/age/decrypt-age.ts';
import type { DumpFile } from '@pgstow/postgres/proof/dump-file.ts';
import { restoreDump, type RestoredDump } from '@pgstow/postgres/restore/restore-dump.ts';
import { OutcomeUnknownError, RestoreError } from '@pgstow/postgres/restore/restore-error.ts';
import type { ScratchServer } from '@pgstow/scratch/scratch-server.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { BadDumpError } from '../bad-dump-error.ts';
import { scratchFaultIn, type RestoreCircumstances, type RestoreFault } from './restore-fault-policy.ts';

/** Functions, tables and other objects that are not found. */
const UNKNOWN_NAME = /^42(?:883|P01|704)$/;
const OF_SOURCE = /row-level security policy|violates partition constraint/;

/**
 * Restores a dump into a database of the scratch server.
 *
 * @throws BadDumpError if the dump is to blame; PermanentError or RetryableError if the server is
 */
export async function restoreInto(
  server: ScratchServer,
  database: string,
  file: DumpFile,
  options: {
    readonly needs: Manifest['needs'];
    readonly searchPath: string | undefined;
    readonly circumstances: RestoreCircumstances;
    readonly signal: AbortSignal;
    readonly onProgress: (sqlBytes: number) => void;
  },
): Promise<RestoredDump> {
  const { clients, env, runAs } = server;
  const { needs, searchPath, signal, onProgress } = options;
  try {
    const target = { clients, env: env(database), runAs, tablespaces: [] };
    return await restoreDump({ ...target, ...file, needs, searchPath, signal, onProgress });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof LockedError) throw error;
    const { message } = error as Error;
    if (error instanceof RestoreError && error.isBeforeDump)
      throw new PermanentError(error.summary, {
        hint:
          error.hint ??
          (searchPath === undefined
            ? undefined
            : 'VERIFY_SEARCH_PATH names schemas, separated by commas, as in public or immich=public.'),
      });
    const fault = scratchFaultIn(error as RestoreFault, options.circumstances);
    // The detail of a RestoreError quotes rows, and this goes on the board and into alarms.
    const shown = error instanceof RestoreError ? error.summary : message;
    if (fault?.isLasting === true) throw new PermanentError(`${fault.why}: ${shown}`);
    if (fault !== undefined) throw new RetryableError(`${fault.why}: ${shown}`, { cause: error });
    // The database is thrown away in any case.
    if (error instanceof OutcomeUnknownError) throw new RetryableError(message, { cause: error });
    if (!(error instanceof RestoreError)) throw error;
    // Other hints are of a target that is not empty, or of rights.
    const isOfSource = UNKNOWN_NAME.test(error.sqlState ?? '') || OF_SOURCE.test(shown);
    throw new BadDumpError(`it does not restore: ${shown}`, isOfSource ? error.hint : undefined);
  }
}
