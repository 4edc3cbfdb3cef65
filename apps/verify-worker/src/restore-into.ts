import { restoreDump } from '@pgstow/postgres/restore/restore-dump.ts';
import { OutcomeUnknownError, RestoreError } from '@pgstow/postgres/restore/restore-error.ts';
import type { ScratchServer } from '@pgstow/scratch/scratch-server.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { scratchFaultIn, type RestoreCircumstances } from './restore-fault-policy.ts';
import { BadDumpError, CannotTellError } from './restore-finding.ts';

/**
 * Restores a dump into a database of the scratch server.
 *
 * @returns how long that took
 * @throws BadDumpError if the dump is to blame; CannotTellError or RetryableError if the server is
 */
export async function restoreInto(
  server: ScratchServer,
  database: string,
  path: string,
  options: {
    readonly circumstances: RestoreCircumstances;
    readonly signal: AbortSignal;
    readonly onProgress: (sqlBytes: number) => void;
  },
): Promise<number> {
  const { clients, env, runAs } = server;
  const { signal, onProgress } = options;
  try {
    return (await restoreDump({ clients, env: env(database), path, runAs, signal, onProgress })).restoreMs;
  } catch (error) {
    signal.throwIfAborted();
    const { message } = error as Error;
    const fault = scratchFaultIn(message, options.circumstances);
    // The detail quotes rows, and this goes on the board and to whoever gets the alarms.
    const [shown = ''] = message.split('\ndetail: ', 1);
    if (fault?.isLasting === true) throw new CannotTellError(`${fault.why}: ${shown}`);
    if (fault !== undefined) throw new RetryableError(`${fault.why}: ${shown}`, { cause: error });
    // Here it is thrown away in any case.
    if (error instanceof OutcomeUnknownError) throw new RetryableError(message, { cause: error });
    if (!(error instanceof RestoreError)) throw error;
    throw new BadDumpError(`it does not restore: ${shown}`);
  }
}
