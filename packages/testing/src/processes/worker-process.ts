import { join } from 'node:path';
import { BoundProcess } from './bound-process.ts';

export interface ProcessOptions {
  /** The program to run. Give either this or `script`, a TypeScript or JavaScript file for this Node. */
  readonly command?: string;
  readonly script?: string;
  readonly args?: readonly string[];
  /** The environment. It inherits PATH, unless given here, and nothing else; `scripts/lean` adds what a script runs with. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The number of newest output lines to keep; 5,000 unless given. */
  readonly keepLines?: number;
}

/** Runs Node with the settings of every one of our processes. */
const LEAN = join(import.meta.dirname, '../../../../scripts/lean');

/** Starts one of our apps (or any program) as a real process. It is killed, with its children, on dispose. */
export async function startProcess({
  command,
  script,
  args = [],
  env = {},
  ...rest
}: ProcessOptions): Promise<BoundProcess> {
  if ((command === undefined) === (script === undefined)) {
    throw new Error(`wanted either a command or a script to start, got ${command ? 'both' : 'neither'}`);
  }
  return await BoundProcess.start({
    ...rest,
    command: command ?? LEAN,
    args: script === undefined ? args : [process.execPath, script, ...args],
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', ...env },
  });
}
