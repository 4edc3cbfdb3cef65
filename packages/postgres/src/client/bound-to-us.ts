import { isOnPath } from './installed-program.ts';

/**
 * Returns a command line whose process gets a signal when this process dies, even by SIGKILL. Without setpriv (util-linux, in
 * every Debian) the command stays as it is.
 */
export async function boundToUs(
  command: readonly string[],
  signal: 'INT' | 'TERM' | 'QUIT',
): Promise<readonly string[]> {
  return (await isOnPath('setpriv')) ? ['setpriv', '--pdeathsig', signal, '--', ...command] : command;
}
