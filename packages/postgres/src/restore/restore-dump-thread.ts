import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { LockedError } from '../age/decrypt-age.ts';
import type { DumpTextSink } from '../proof/dump-text.ts';
import { readDump } from '../proof/read-dump.ts';
import { TextChanger } from './change-text.ts';
import type { Heading } from './restore-error.ts';
import type { RestoreThreadData, RestoreThreadMessage } from './restore-thread.ts';

// The thread of `runRestoreThread`. It writes the text and nothing else: the COMMIT is sent by who started it.
if (parentPort === null) throw new Error('wanted to be started as a thread');
const port = parentPort;
const tell = (message: RestoreThreadMessage): void => port.postMessage(message);
const { file, fd, changes } = workerData as RestoreThreadData;
const changer = new TextChanger(changes);

const TELL_EVERY_MS = 200;
/** psql is never further behind than what a pipe holds. */
const KEPT_HEADINGS = 20_000;

const headings: Heading[] = [];
let sqlBytes = 0;
let toldAt = 0;
const sink: DumpTextSink = {
  leavesOutRows: changes.leavesOutRows === true,
  write(text) {
    for (let at = 0; at < text.length;) at += writeSync(fd, text, at);
    sqlBytes += text.length;
    const now = performance.now();
    if (now - toldAt < TELL_EVERY_MS) return;
    toldAt = now;
    tell({ kind: 'progress', sqlBytes });
  },
  inPlaceOf: (line) => changer.change(line),
  heading(text, line) {
    headings.push({ text, line });
    if (headings.length >= 2 * KEPT_HEADINGS) headings.splice(0, KEPT_HEADINGS);
  },
};

try {
  const proven = await readDump(file, Promise.resolve(), sink);
  const { blankedTablespaces, sequences } = changer;
  tell({ kind: 'proven', proven, headings, blankedTablespaces: [...blankedTablespaces], sequences });
} catch (error) {
  // Our own errors would arrive without their class.
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EPIPE') tell({ kind: 'lost psql', headings });
  else if (error instanceof LockedError) tell({ kind: 'locked', message, hint: error.hint });
  else if (error instanceof PermanentError || error instanceof RetryableError)
    tell({ kind: 'refused', message, hint: error.hint });
  else tell({ kind: 'unreadable', message });
}
