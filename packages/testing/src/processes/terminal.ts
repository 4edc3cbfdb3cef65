import { findProgram } from '../machine/find-program.ts';
import { BoundProcess } from './bound-process.ts';

/** Whether util-linux's `script` can open a terminal; other programs of that name take other options. */
export const hasTerminal = (): boolean => process.platform === 'linux' && findProgram('script') !== undefined;

export interface TerminalOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly columns: number;
}

/**
 * Runs a program on a terminal of that width. Its lines hold all output, with escape sequences and standard error. Its exit
 * code is the program's. Typed text goes through the terminal: `\x03` is Ctrl-C.
 */
export function startOnTerminal({ command, args, env, columns }: TerminalOptions): Promise<BoundProcess> {
  const words = [command, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  return BoundProcess.start({
    command: 'script',
    args: ['--quiet', '--return', '--command', `stty cols ${columns} rows 24; exec ${words}`, '/dev/null'],
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', SHELL: '/bin/sh', TERM: 'xterm', ...env },
    isTypedTo: true,
  });
}
