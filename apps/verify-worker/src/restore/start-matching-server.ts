import { once } from 'node:events';
import { startScratchServer, type ScratchServer } from '@pgstow/scratch/scratch-server.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { Deadline } from './deadline.ts';
import type { DumpFacts } from './read-dump-facts.ts';
import type { RestoreStep } from './restore-step.ts';
import { serverFolder } from './scratch-folder.ts';

/** A scratch host runs one server at a time. This many restore tests, each of the longest time, may be before ours. */
const MOST_WAITED_FOR = 3;

/** Time for a server that has lost a process to end. */
const END_MS = 5000;

/**
 * Runs `work` with a scratch server of a major version, with the source's encoding and collation, and what its extensions want
 * loaded. The signal that `work` gets is aborted as well once the server ends by itself.
 *
 * @throws NoScratchServerError; RetryableError if it does not start, or a scratch host never gets to it; as `work` does
 */
export async function withMatchingServer<T>(
  step: RestoreStep,
  dump: Pick<DumpFacts, 'major' | 'extensions'>,
  work: (server: ScratchServer, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  await using server = await startMatchingServer(step, dump);
  try {
    return await work(server, AbortSignal.any([step.signal, server.signal]));
  } catch (error) {
    throw await reasonOf(error, server);
  }
}

/** The server's own end, which follows, says more than a client that has lost it. */
async function reasonOf(error: unknown, server: ScratchServer): Promise<unknown> {
  if (!(error instanceof RetryableError)) return error;
  try {
    if (!server.signal.aborted) await once(server.signal, 'abort', { signal: AbortSignal.timeout(END_MS) });
    return server.signal.reason;
  } catch {
    // It still runs: the reason lies elsewhere.
    return error;
  }
}

async function startMatchingServer(
  { context, wanted, scratch, deadline, signal }: RestoreStep,
  { major, extensions }: Pick<DumpFacts, 'major' | 'extensions'>,
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
