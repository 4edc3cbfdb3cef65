import { readFileSync } from 'node:fs';

/** Peak memory of a process, as Linux counts it. */
export function peakMiB(pid: number): number {
  return readMiB(pid, 'status', 'VmHWM');
}

/** Memory of a process that is resident now. */
export function residentMiB(pid: number): number {
  return readMiB(pid, 'smaps_rollup', 'Rss');
}

/** Memory of a process now, with its part of what it shares with others, such as Node's own program or a server's buffers. */
export function proportionalMiB(pid: number): number {
  return readMiB(pid, 'smaps_rollup', 'Pss');
}

/** Processor time of a process with all its threads, which Linux counts in ticks of 10 ms. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function readMiB(pid: number, file: string, field: string): number {
  const text = readFileSync(`/proc/${pid}/${file}`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024;
}
