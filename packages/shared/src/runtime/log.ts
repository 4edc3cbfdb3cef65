import { pino, type Logger } from 'pino';
import { PinoPretty } from 'pino-pretty';
import type { Redact } from './redact.ts';

export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'> & {
  child(bindings: Readonly<Record<string, unknown>>): Log;
};

/** One JSON line per event, or lines for people when a person looks on; no secret passes in either. */
export function createLog(name: string, level: string, redact: Redact): Log {
  const out = process.stdout;
  const pretty = out.isTTY ? PinoPretty({ colorize: true, ignore: 'pid,hostname', destination: out, sync: true }) : out;
  return pino(
    { name, level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => void pretty.write(redact(line)) },
  );
}
