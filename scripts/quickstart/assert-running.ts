import { describeExit, type BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import type { OutputLine } from '@pgstow/testing/processes/output-lines.ts';
import { isAlive } from '@pgstow/testing/processes/running-processes.ts';

/** A server with its process id, or one of our own processes with its log. */
export type WatchedProcess =
  | { readonly name: string; readonly pid: number }
  | { readonly name: string; readonly process: BoundProcess };

const ERROR_LEVEL = 50;
const TAIL_LINES = 12;

/** @throws Error with the end of its log if a process has ended or has logged an error */
export function assertRunning(processes: readonly WatchedProcess[]): void {
  for (const watched of processes) {
    if ('pid' in watched) {
      if (!isAlive(watched.pid)) throw new Error(`wanted ${watched.name} to go on running, but it has ended`);
      continue;
    }
    const { name, process } = watched;
    if (process.exit !== undefined) {
      throw new Error(`wanted the ${name} to go on running, but it ${describeExit(process.exit)}${tail(watched)}`);
    }
    const fault = process.lines.find((line) => Number(line.json?.['level']) >= ERROR_LEVEL);
    if (fault !== undefined) throw new Error(`the ${name} met an error${tail(watched)}`);
  }
}

function tail({ name, process }: Extract<WatchedProcess, { process: BoundProcess }>): string {
  const lines = process.lines.slice(-TAIL_LINES).map((line) => `  ${readable(line)}`);
  return `; the end of its log:\n${lines.length > 0 ? lines.join('\n') : `  (the ${name} logged nothing)`}`;
}

/** Formats a log record for people. */
function readable({ json, text }: OutputLine): string {
  if (json === undefined) return text;
  const parts = [json['time'], json['msg'], json['err']].filter((part) => typeof part === 'string');
  return parts.join('  ').replaceAll('\n', '\n    ');
}
