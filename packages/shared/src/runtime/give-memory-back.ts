import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { collectEverything, collectGarbage } from './collect-garbage.ts';

// V8 by itself lets a heap of 25 MB double before it collects. The command line, which ends soon, goes without this.
setFlagsFromString('--heap-growing-percent=20');

const LOOK_EVERY_MS = 5000;
/** Processor time that a process takes for a small job, and an idle one within some minutes. */
const WORKED_MS = 300;
/** Part of its time that a process at rest works at most. */
const REST_LOAD = 0.05;

/**
 * Gives memory back to the system now, and each time that the process rests after it has worked. Call it at the end of a start.
 * V8 by itself collects once there are tens of megabytes of garbage, and an idle process makes too little for that. A collection
 * takes some 30 ms.
 */
export function giveMemoryBack({ lookEveryMs = LOOK_EVERY_MS } = {}): Disposable {
  // Node writes it when a process ends by itself, which one that is killed never does.
  flushCompileCache();
  // What a start has compiled does not run again, and the first job's memory would come on top of it.
  collectEverything();
  let before = 0;
  let collectedAt = processorMs();
  const looking = setInterval(() => {
    const now = processorMs();
    const isAtRest = now - before < REST_LOAD * lookEveryMs;
    before = now;
    if (!isAtRest || now - collectedAt < WORKED_MS) return;
    collectGarbage();
    collectedAt = before = processorMs();
  }, lookEveryMs).unref();
  return { [Symbol.dispose]: () => clearInterval(looking) };
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
