import { mkdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { tempFolder } from '@pgstow/testing/temp-folder.ts';
import { endWithNpm } from '../end-with-npm.ts';
import type { WatchedProcess } from './assert-running.ts';
import { showSteps, type Steps } from './show-steps.ts';

/** What every step of the quickstart works with. */
export type Run = {
  /** Shows what is going on. */
  readonly steps: Steps;
  /** Aborted by Ctrl-C, and by whatever else ends the quickstart. */
  readonly signal: AbortSignal;
  /** What is started goes here, and is ended in reverse order. */
  readonly stack: AsyncDisposableStack;
  /** Private, and removed at the end. */
  readonly folder: string;
  /** The dumps, manifests and receipts. */
  readonly backupDir: string;
  /** All that must go on running. */
  readonly processes: WatchedProcess[];
};

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs the steps, then ends all that they started, whatever happens. The exit code is 0 if every step held, 1 if one did
 * not, and 128 plus the signal's number if one came before that was known.
 */
export async function runToEnd(quickstart: (run: Run) => Promise<void>): Promise<void> {
  const ended = new AbortController();
  // A second Ctrl-C changes nothing: the first one ends everything at once already.
  for (const signal of SIGNALS) process.on(signal, () => ended.abort(signal));
  // Whoever read our lines has gone (`| head`, a terminal that was closed).
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

/** What is started is ended, and the folder removed, before this returns or throws. */
async function runInFolder(quickstart: (run: Run) => Promise<void>, steps: Steps, signal: AbortSignal): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(await tempFolder('pgstow-quickstart-'));
  const backupDir = join(folder, 'backups');
  await mkdir(backupDir, { mode: 0o700 });
  await quickstart({ steps, signal, stack, folder, backupDir, processes: [] });
}
