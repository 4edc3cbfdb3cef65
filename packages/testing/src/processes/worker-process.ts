import { join } from 'node:path';
import { BoundProcess } from './bound-process.ts';

export interface ProcessOptions {
  /** The program to run. Give either this or `script`, a TypeScript or JavaScript file for this Node. */
  readonly command?: string;
  readonly script?: string;
  readonly args?: readonly string[];
  /** The environment. It inherits PATH and NODE_COMPILE_CACHE, unless given here, and nothing else. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The number of newest output lines to keep; 5,000 unless given. */
  readonly keepLines?: number;
}

const NODE_COMPILE_CACHE = join(import.meta.dirname, '../../../../node_modules/.cache/node-compile');

/** Starts one of our apps (or any program) as a real process. It is killed, with its children, on dispose. */
export async function startProcess({
  command,
  script,
  args = [],
  env = {},
  ...rest
}: ProcessOptions): Promise<BoundProcess> {
  const program = command ?? process.execPath;
  if ((command === undefined) === (script === undefined)) {
    throw new Error(`wanted either a command or a script to start, got ${command ? 'both' : 'neither'}`);
  }
  return await BoundProcess.start({
    ...rest,
    command: program,
    args: script === undefined ? args : ['--max-semi-space-size=1', script, ...args],
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', NODE_COMPILE_CACHE, ...env },
  });
}
