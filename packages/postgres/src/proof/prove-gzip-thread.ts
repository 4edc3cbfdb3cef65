import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { LockedError } from '../age/decrypt-age.ts';
import type { DumpFile } from './dump-file.ts';
import type { Proof } from './prove-gzip.ts';
import { readDump } from './read-dump.ts';

// The thread that `proveGzip` starts, and ends. An error of the disk reaches `proveGzip` as it is. Our own errors would lose
// their class, so they are sent as messages.
if (parentPort === null) throw new Error('wanted to be started as a thread');
const answer = await readDump(workerData as DumpFile, once(parentPort, 'message')).then(
  (proven): Proof => ({ proven }),
  (error: unknown): Proof => {
    if (error instanceof LockedError) return { locked: error.message, hint: error.hint };
    if (error instanceof RetryableError) return { refused: error.message };
    throw error;
  },
);
parentPort.postMessage(answer);
