import { pino, type Logger } from 'pino';
import { forPeople } from './log-for-people.ts';
import type { Redact } from './redact.ts';

export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'> & {
  child(bindings: Readonly<Record<string, unknown>>): Log;
};

/**
 * Creates a log of one JSON line per event, or of lines for people on a terminal, both without secrets. A line has the process as
 * `process`, and the backup in question as `name`.
 */
export function createLog(processName: string, level: string, redact: Redact): Log {
  const out = process.stdout;
  const format = out.isTTY ? forPeople({ hasColors: out.hasColors() }) : String;
  return pino(
    { level, base: { pid: process.pid, process: processName }, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => void out.write(format(redact(line))) },
  );
}
