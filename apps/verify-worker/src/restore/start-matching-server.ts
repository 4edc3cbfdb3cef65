import { startScratchServer, type ScratchServer } from '@pgstow/scratch/scratch-server.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { Deadline } from './deadline.ts';
import type { AboutDump } from './read-about.ts';
import type { RestoreStep } from './restore-step.ts';
import { serverFolder } from './scratch-folder.ts';

/** A scratch host runs one server at a time. This many restore tests, each of the longest time, may be before ours. */
const MOST_WAITED_FOR = 3;

/**
 * Starts a scratch server of a major version, with the source's encoding and collation, and what its extensions want loaded.
 *
 * @throws NoScratchServerError; RetryableError if it does not start, or a scratch host never gets to it
 */
export async function startMatchingServer(
  { context, wanted, scratch, deadline, signal }: RestoreStep,
  { major, extensions }: Pick<AboutDump, 'major' | 'extensions'>,
): Promise<ScratchServer> {
  const { memoryBytes, diskBytes, hostFolder, timeoutMs } = context.verify;
  const { manifest } = wanted;
  const options = {
    folder: serverFolder(scratch),
    major,
    ...(manifest.source ?? { encoding: 'UTF8', collate: 'C', ctype: 'C.UTF-8' }),
    memoryBytes,
    extensions: extensions.map(({ name }) => name),
  };
  if (hostFolder === undefined) return await startScratchServer({ ...options, signal });
  // The tests before ours have deadlines of their own.
  using _waits = deadline.pause();
  const patienceMs = MOST_WAITED_FOR * timeoutMs;
  using patience = new Deadline(patienceMs);
  try {
    return await startScratchServer({
      ...options,
      // The dump itself takes a part of VERIFY_DISK_LIMIT.
      host: { folder: hostFolder, diskBytes: diskBytes && Math.max(0, diskBytes - manifest.bytes) },
      signal: AbortSignal.any([signal, patience.signal]),
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!patience.signal.aborted) throw error;
    throw new RetryableError(`the scratch host ran no server for it within ${patienceMs / 1000} s`, {
      hint: 'Another restore test does not end there, or too many wait: see the log of scratch-host, and restart that service.',
    });
  }
}
