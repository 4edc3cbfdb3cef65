import { isOnPath } from './installed-program.ts';

/**
 * A command line whose process gets a signal when we die, even by SIGKILL, and so never goes on for nobody. setpriv is part
 * of util-linux, which every Debian has; elsewhere the command is left as it is.
 */
export async function boundToUs(
  command: readonly string[],
  signal: 'INT' | 'TERM' | 'QUIT',
): Promise<readonly string[]> {
  return (await isOnPath('setpriv')) ? ['setpriv', '--pdeathsig', signal, '--', ...command] : command;
}
