import { pino, type Logger } from 'pino';
import type { Redact } from './redact.ts';

export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'> & {
  child(bindings: Readonly<Record<string, unknown>>): Log;
};

/**
 * Creates a log of one JSON line per event, without secrets. A line has the process as `process`, and the backup in question as
 * `name`.
 *
 * @param format of a line that is written
 */
export function createLog(processName: string, level: string, redact: Redact, format = (line: string) => line): Log {
  const out = process.stdout;
  return pino(
    { level, base: { pid: process.pid, process: processName }, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => void out.write(format(redact(line))) },
  );
}
