import { existsSync, readFileSync, readdirSync } from 'node:fs';

export interface RunningProcess {
  readonly pid: number;
  readonly parentPid: number;
  /** The whole command line. */
  readonly command: string;
}

/** All running processes of this machine, without zombies; empty where there is no /proc. */
export function runningProcesses(): readonly RunningProcess[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => readProcess(Number(name)) ?? []);
  } catch {
    return [];
  }
}

/** The children of a process (this one unless given) and their children, and so on. */
export function descendants(pid: number = process.pid): readonly RunningProcess[] {
  const found = childrenOf(pid);
  for (const parent of found) found.push(...childrenOf(parent.pid));
  return found;
}

/** Tests look so often that reading all of /proc each time would cost a core. */
function childrenOf(pid: number): RunningProcess[] {
  if (!existsSync(`/proc/self/task/${process.pid}/children`))
    return runningProcesses().filter(({ parentPid }) => parentPid === pid);
  return readOrNone(() => readdirSync(`/proc/${pid}/task`))
    .flatMap((thread) =>
      readOrNone(() => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').match(/\d+/g) ?? []),
    )
    .flatMap((child) => readProcess(Number(child)) ?? []);
}

/** @returns nothing if the process or thread has ended */
function readOrNone(read: () => readonly string[]): readonly string[] {
  try {
    return read();
  } catch {
    return [];
  }
}

/** Whether a process runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return readProcess(pid) !== undefined || process.platform !== 'linux';
}

function readProcess(pid: number): RunningProcess | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name stands in parentheses and may hold any character.
    const [state, parentPid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X') return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, parentPid: Number(parentPid), command };
  } catch {
    return undefined;
  }
}
