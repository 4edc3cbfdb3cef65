import { mkdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { endWithNpm } from '../end-with-npm.ts';
import type { WatchedProcess } from './assert-running.ts';
import { showSteps, type Steps } from './show-steps.ts';

/** Context of every step. */
export type Run = {
  /** Shows progress. */
  readonly steps: Steps;
  /** Aborted by Ctrl-C, and by any other end of the quickstart. */
  readonly signal: AbortSignal;
  /** Started processes and servers; ends them in reverse order. */
  readonly stack: AsyncDisposableStack;
  /** Private, and removed at the end. */
  readonly folder: string;
  /** Folder of the dumps, manifests and receipts. */
  readonly backupDir: string;
  /** Processes that must not end. */
  readonly processes: WatchedProcess[];
};

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs the steps, then ends everything that they started, whatever happens. The exit code is 0 if every step succeeded, 1 if one
 * failed, and 128 plus the number of a signal that came before.
 */
export async function runToEnd(quickstart: (run: Run) => Promise<void>): Promise<void> {
  const ended = new AbortController();
  // A second Ctrl-C changes nothing: the first one ends everything at once.
  for (const signal of SIGNALS) process.on(signal, () => ended.abort(signal));
  // The reader of our lines has gone (`| head`, a closed terminal).
  process.stdout.on('error', () => ended.abort('SIGHUP'));
  endWithNpm(() => ended.abort('SIGTERM'));

  const steps = showSteps(ended.signal);
  try {
    await runInFolder(quickstart, steps, ended.signal);
  } catch (error) {
    if (ended.signal.aborted) {
      process.exitCode = 128 + constants.signals[ended.signal.reason as NodeJS.Signals];
    } else {
      const title = styleText('red', 'The quickstart failed:', { stream: process.stderr });
      console.error(`\n${title} ${describeError(error)}`);
      process.exitCode = 1;
    }
  }
  if (ended.signal.aborted) steps.say(`\nEnded by ${ended.signal.reason}. Nothing is left behind.`);
}

/** Ends everything that was started, and removes the folder, before it returns or throws. */
async function runInFolder(quickstart: (run: Run) => Promise<void>, steps: Steps, signal: AbortSignal): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(await tempFolder('pgstow-quickstart-'));
  const backupDir = join(folder, 'backups');
  await mkdir(backupDir, { mode: 0o700 });
  await quickstart({ steps, signal, stack, folder, backupDir, processes: [] });
}
