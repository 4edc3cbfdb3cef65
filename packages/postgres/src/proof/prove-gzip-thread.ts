import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import type { Proof } from './prove-gzip.ts';
import { readGzip } from './read-gzip.ts';

// The thread that `proveGzip` starts, and ends. A fault of the disk ends it, too, and reaches `proveGzip` as it is; our own
// errors would arrive there without their class.
if (parentPort === null) throw new Error('wanted to be started as a thread');
const answer = await readGzip(workerData as string, once(parentPort, 'message')).then(
  (proven): Proof => ({ proven }),
  (error: unknown): Proof => {
    if (error instanceof RetryableError) return { refused: error.message };
    throw error;
  },
);
parentPort.postMessage(answer);
