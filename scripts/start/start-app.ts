import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { boundToUs } from '@pgstow/postgres/client/bound-to-us.ts';
import { execa } from 'execa';

export type RunningApp = {
  readonly name: string;
  /** Exit code; 0 if SIGTERM ended the process before it could catch it, 1 for any other signal. */
  readonly exited: Promise<number>;
  kill(signal: NodeJS.Signals): void;
};

const LEAN = fileURLToPath(new URL('../lean', import.meta.url));

/** Starts one of the apps in this process's environment. @param show gets each line of its output, of either stream */
export async function startApp(name: string, show: (line: string) => void): Promise<RunningApp> {
  const script = fileURLToPath(new URL(`../../apps/${name}/src/main.ts`, import.meta.url));
  // A session of its own gets no Ctrl-C from the terminal, so the app gets one signal, from us.
  const [program = '', ...args] = await boundToUs([LEAN, process.execPath, script], 'TERM');
  const child = execa(program, args, {
    detached: true,
    env: process.env,
    extendEnv: false,
    stdin: 'ignore',
    buffer: false,
    reject: false,
  });
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', show);
  return {
    name,
    exited: child.then(({ exitCode, signal }) => exitCode ?? (signal === 'SIGTERM' ? 0 : 1)),
    kill: (signal) => void child.kill(signal),
  };
}
