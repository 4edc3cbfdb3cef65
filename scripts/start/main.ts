/**
 * `pnpm start`: the four processes, configured by stack.env, as compose runs them. Their logs come as lines for people, and
 * Ctrl-C ends them all. Exits as the first of them that failed, or with 0.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { forPeople } from '@pgstow/shared/runtime/log-for-people.ts';
import { endWithNpm } from '../end-with-npm.ts';
import { startApp, type RunningApp } from './start-app.ts';

/** Ctrl-C comes from the terminal and, perhaps, from pnpm as well. What comes later is meant to hurry. */
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
    // Nothing is lost by it: what was cut off is made good at the next start.
    if (endedAt !== undefined && performance.now() - endedAt > SAME_SIGNAL_MS)
      for (const app of running) app.kill('SIGKILL');
    end();
  });
}
// Whoever read our lines has gone.
stdout.on('error', end);
endWithNpm(end);

const codes = await Promise.all(
  running.map(async ({ name, exited }) => {
    const code = await exited;
    const isUnwanted = endedAt === undefined;
    if (isUnwanted && !hasOneEnded) {
      hasOneEnded = true;
      show(`${name} has ended with code ${code}; the others are ended too`);
      // They may have the same fault, and be about to say so.
      await delay(500);
      end();
    }
    return isUnwanted ? code || 1 : code;
  }),
);
process.exitCode = codes.find((code) => code !== 0) ?? 0;
