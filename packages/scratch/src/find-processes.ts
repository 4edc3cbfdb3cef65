import { readdir } from 'node:fs/promises';

/** Process ids of those that are wanted, of all that this machine shows; none where there is no /proc. */
export async function findProcesses(isWanted: (pid: number) => Promise<boolean>): Promise<readonly number[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  const areWanted = await Promise.all(pids.map(isWanted));
  return pids.filter((_, at) => areWanted[at]);
}

/** Sends a signal to a process, unless that has ended meanwhile. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone.
  }
}
