import { readlink, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findProcesses, sendSignal } from './find-processes.ts';
import { readForeignFile } from './read-foreign-file.ts';

const LOOK_AGAIN_MS = 50;
/** A postmaster gives its children five seconds to quit before it kills them. */
const QUIT_MS = 7000;
const KILL_MS = 5000;
/** Bytes that the first line of `postmaster.pid` may take, its end included. */
const LONGEST_PID = 32;

/**
 * Ends every process of the PostgreSQL server of a data folder, and waits for their ends. Who they are is told by the folder
 * that they work in, not by the number that a server left in `postmaster.pid`: that may be another's by now.
 */
export async function endPostgres(dataFolder: string): Promise<void> {
  const named = ((await readForeignFile(join(dataFolder, 'postmaster.pid'), LONGEST_PID)) ?? '').split('\n', 1)[0];
  const pids = await findPostgres(dataFolder);
  // An orderly end lets it remove its shared memory.
  if (pids.includes(Number(named))) {
    sendSignal(Number(named), 'SIGQUIT');
    if (await areGone(dataFolder, QUIT_MS)) return;
  }
  for (const pid of await findPostgres(dataFolder)) sendSignal(pid, 'SIGKILL');
  await areGone(dataFolder, KILL_MS);
}

/** The processes of a data folder's server; none where there is no /proc. */
export async function findPostgres(dataFolder: string): Promise<readonly number[]> {
  const wanted = await realpath(dataFolder).catch(() => dataFolder);
  return findProcesses(async (pid) => {
    const [cwd, program] = await Promise.all([linkOf(pid, 'cwd'), linkOf(pid, 'exe')]);
    return cwd === wanted && basename(program) === 'postgres';
  });
}

async function areGone(dataFolder: string, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while ((await findPostgres(dataFolder)).length > 0) {
    if (performance.now() > deadline) return false;
    await delay(LOOK_AGAIN_MS);
  }
  return true;
}

/** Linux adds a note to the name of a file that was removed under a process. */
async function linkOf(pid: number, name: 'cwd' | 'exe'): Promise<string> {
  const path = await readlink(`/proc/${pid}/${name}`).catch(() => '');
  return path.replace(/ \(deleted\)$/, '');
}
