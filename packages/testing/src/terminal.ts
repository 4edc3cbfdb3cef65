import { BoundProcess } from './bound-process.ts';
import { findProgram } from './find-program.ts';

/** A terminal of the kernel's own is had through util-linux's `script`; what others call so takes other options. */
export const hasTerminal = (): boolean => process.platform === 'linux' && findProgram('script') !== undefined;

export interface TerminalOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly columns: number;
}

/**
 * Runs a program on a terminal that is so wide. Its lines hold all that it wrote, escape sequences included, standard error
 * among it; its exit code is the program's. What is typed goes through the terminal: `\x03` is Ctrl-C.
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
