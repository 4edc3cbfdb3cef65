import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { execa } from 'execa';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { bareEnvironment, isOnPath } from './compressor.ts';

/** As whom, and with how much of this machine, a scratch server and its clients run. */
export type Confinement = {
  /** The user, where it is not our own. */
  readonly owner: { readonly name: string; readonly uid: number; readonly gid: number } | undefined;
  /** Whether what runs there is without a network. */
  readonly isOffline: boolean;
  /**
   * A command line that runs so, and ends with a signal when we die, even by SIGKILL. The signal is asked for last, because a
   * change of user takes the request back.
   */
  readonly commandLine: (command: readonly string[], signal: 'QUIT' | 'TERM') => readonly string[];
};

/** Of the image of a scratch host, and nobody else's: each of its processes is of the server that the host runs. */
const HOST_USER = 'pgstow-scratch';

/**
 * PostgreSQL refuses to run as root: for root, all is run as `pgstow-scratch`, `postgres` or `nobody`. What is restored may hold code of
 * whoever owns the source, so it gets a network of its own without anything in it, where this machine allows that.
 *
 * @throws PermanentError if we are root and cannot become anyone else
 */
export async function confine(): Promise<Confinement> {
  const hasSetpriv = await isOnPath('setpriv');
  const owner = process.getuid?.() === 0 ? await readOwner(hasSetpriv) : undefined;
  const unshare = await findUnshare(owner !== undefined);
  const identity =
    owner === undefined ? [] : ['--reuid', String(owner.uid), '--regid', String(owner.gid), '--clear-groups'];
  return {
    owner,
    isOffline: unshare.length > 0 || hasNoNetwork(),
    commandLine: (command, signal) =>
      hasSetpriv
        ? [...unshare, 'setpriv', ...identity, '--no-new-privs', '--pdeathsig', signal, '--', ...command]
        : [...unshare, ...command],
  };
}

/**
 * Ends whatever a scratch server has left running, where its user is nobody else's: code in a dump may have started processes
 * that outlive the server.
 */
export async function endHostUser(): Promise<void> {
  const { owner, commandLine } = await confine();
  if (owner?.name !== HOST_USER) return;
  // All that this user may signal, which is all of its own, but for the shell itself.
  const [program = '', ...argv] = commandLine(['sh', '-c', 'kill -KILL -1'], 'TERM');
  await execa(program, argv, { ...bareEnvironment(), reject: false });
}

/** Nothing but the loopback: the network was taken from all of us. */
function hasNoNetwork(): boolean {
  return Object.values(networkInterfaces()).every((each) => each?.every(({ internal }) => internal) ?? true);
}

async function readOwner(hasSetpriv: boolean): Promise<NonNullable<Confinement['owner']>> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const wanted of [HOST_USER, 'postgres', 'nobody']) {
    const [name, , uid, gid] = lines.find(([name]) => name === wanted) ?? [];
    if (hasSetpriv && name !== undefined) return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw new PermanentError('PostgreSQL does not run as root, and there is nobody else to run it as', {
    hint: 'Run the verify worker as an ordinary user, or install setpriv (util-linux) and have a user postgres.',
  });
}

const PROBE_MS = 10_000;

async function findUnshare(isRoot: boolean): Promise<readonly string[]> {
  if (!(await isOnPath('unshare'))) return [];
  const unshare = isRoot ? ['unshare', '--net', '--'] : ['unshare', '--user', '--map-current-user', '--net', '--'];
  const [program, ...argv] = [...unshare, 'true'];
  const { failed } = await execa(program, argv, { ...bareEnvironment(), reject: false, timeout: PROBE_MS });
  return failed ? [] : unshare;
}
