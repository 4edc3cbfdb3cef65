import { exitCodes, ExitError, type ExitCode } from '../exit-codes.ts';
import type { Chosen } from './choose-servers.ts';
import { inServer } from './current-server.ts';

/** The codes that say most, first. */
const GRAVEST: readonly ExitCode[] = [
  exitCodes.bad,
  exitCodes.couldNotTell,
  exitCodes.notHealthy,
  exitCodes.failed,
  exitCodes.refused,
  exitCodes.usage,
];

/**
 * Works for each server in turn. What fails for one does not keep the others from their turn.
 *
 * @throws what was thrown or, of several faults, all of them under the gravest exit code
 */
export async function forEachServer(
  chosen: readonly Chosen[],
  work: (of: Chosen) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const faults: unknown[] = [];
  for (const each of chosen) {
    try {
      await inServer(each.server, () => work(each));
    } catch (error) {
      signal?.throwIfAborted();
      faults.push(error);
    }
  }
  if (faults.length === 0) return;
  if (faults.length === 1) throw faults[0];
  const code = GRAVEST.find((each) => faults.some((fault) => codeOf(fault) === each)) ?? exitCodes.failed;
  throw new ExitError(code, faults.map((fault) => (fault instanceof Error ? fault.message : String(fault))).join('\n'));
}

function codeOf(fault: unknown): ExitCode {
  return fault instanceof ExitError ? fault.code : exitCodes.failed;
}
