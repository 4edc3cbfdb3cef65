/**
 * `pnpm start`: runs the four processes that compose runs, configured by stack.env, with logs as lines for people. Ctrl-C ends them all.
 * The exit code is that of the first process that failed, or 0.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { forPeople } from '@pgstow/shared/runtime/log/log-for-people.ts';
import { endWithNpm } from '../end-with-npm.ts';
import { startApp, type RunningApp } from './start-app.ts';

/** Ctrl-C may come from the terminal and from pnpm at once. A later signal means hurry. */
const SAME_SIGNAL_MS = 1000;

const { stdout } = process;
const format = forPeople({ hasColors: stdout.isTTY && stdout.hasColors() });
const show = (line: string): void => void stdout.write(line.startsWith('{') ? format(line) : `${line}\n`);

const running: readonly RunningApp[] = await Promise.all(
  ['scheduler', 'dump-worker', 'upload-worker', 'verify-worker'].map((name) => startApp(name, show)),
);
let hasOneEnded = false;
let endedAt: number | undefined;
const end = (): void => {
  if (endedAt !== undefined) return;
  endedAt = performance.now();
  for (const app of running) app.kill('SIGTERM');
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // Nothing is lost: the next start repairs what was cut off.
    if (endedAt !== undefined && performance.now() - endedAt > SAME_SIGNAL_MS)
      for (const app of running) app.kill('SIGKILL');
    end();
  });
}
// The reader of our lines has gone.
stdout.on('error', end);
endWithNpm(end);

const codes = await Promise.all(
  running.map(async ({ name, exited }) => {
    const code = await exited;
    const isUnwanted = endedAt === undefined;
    if (isUnwanted && !hasOneEnded) {
      hasOneEnded = true;
      show(`${name} has ended with code ${code}; the others are ended too`);
      // The others may have the same fault, and time to log it.
      await delay(500);
      end();
    }
    return isUnwanted ? code || 1 : code;
  }),
);
process.exitCode = codes.find((code) => code !== 0) ?? 0;
