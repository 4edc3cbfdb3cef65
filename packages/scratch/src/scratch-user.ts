import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isOnPath } from '@pgstow/postgres/client/installed-program.ts';
import { runProgram } from '@pgstow/postgres/client/run-program.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { findProcesses, sendSignal } from './find-processes.ts';

/** User and network of a scratch server and of its clients. */
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

/** User of a scratch host's image. All of its processes belong to the server that the host runs. */
const HOST_USER = 'pgstow-scratch';
const KILL_ROUNDS = 20;
const KILL_ROUND_MS = 2000;
const LOOK_AGAIN_MS = 50;

/**
 * Finds the user and the network for scratch servers. PostgreSQL refuses to run as root, so root runs them as
 * `pgstow-scratch`, `postgres` or `nobody`. A dump may hold code of the source's owner, so it gets an empty network where
 * this machine allows that.
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
    isOffline: unshare.length > 0 || (await hasNoNetwork()),
    commandLine: (command, signal) =>
      hasSetpriv
        ? [...unshare, 'setpriv', ...identity, '--no-new-privs', '--pdeathsig', signal, '--', ...command]
        : [...unshare, ...command],
  };
}

/**
 * Ends all processes of a scratch host's user: code in a dump may have started some that outlive the server.
 *
 * @throws RetryableError if something withstands that
 */
export async function endHostUser(): Promise<void> {
  const { owner, commandLine } = await confine();
  if (owner?.name !== HOST_USER) return;
  // This signals all processes of the user at once, which no fork outruns, but not the shell itself.
  const command = commandLine(['sh', '-c', 'kill -KILL -1'], 'TERM');
  for (let round = 0; round < KILL_ROUNDS; round += 1) {
    // Such a process may be quicker, and stop or end the shell. It cannot signal this process.
    await runProgram(command, { timeout: KILL_ROUND_MS, killSignal: 'SIGKILL' });
    const left = await processesOf(owner.uid);
    if (left.length === 0) return;
    for (const pid of left) sendSignal(pid, 'SIGKILL');
    await delay(LOOK_AGAIN_MS);
  }
  throw new RetryableError(`processes of ${HOST_USER} that a dump has started cannot be ended`, {
    hint: 'Restart the service scratch-host: its container takes all of them with it.',
  });
}

/** Processes of a user that still run. */
async function processesOf(uid: number): Promise<readonly number[]> {
  return findProcesses(async (pid) => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const isDead = /^State:\s+[ZX]/m.test(status);
    return !isDead && Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]) === uid;
  });
}

/** Tells whether there is only the loopback. An interface that is down has a line, too. */
async function hasNoNetwork(): Promise<boolean> {
  const lines = (await readFile('/proc/self/net/dev', 'utf8').catch(() => '')).split('\n');
  const names = lines.flatMap((line) => /^\s*([^\s:]+):/.exec(line)?.[1] ?? []);
  return names.join() === 'lo';
}

async function readOwner(hasSetpriv: boolean): Promise<NonNullable<Confinement['owner']>> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const wanted of [HOST_USER, 'postgres', 'nobody']) {
    const [name, , uid, gid] = lines.find(([name]) => name === wanted) ?? [];
    if (hasSetpriv && name !== undefined) return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw new PermanentError('PostgreSQL does not run as root, and there is no other user to run it as', {
    hint: 'Run the verify worker as an ordinary user, or install setpriv (util-linux) and have a user postgres.',
  });
}

const PROBE_MS = 10_000;

async function findUnshare(isRoot: boolean): Promise<readonly string[]> {
  if (!(await isOnPath('unshare'))) return [];
  const unshare = isRoot ? ['unshare', '--net', '--'] : ['unshare', '--user', '--map-current-user', '--net', '--'];
  const { failed } = await runProgram([...unshare, 'true'], { timeout: PROBE_MS });
  return failed ? [] : unshare;
}
