import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasCommand, isRoot } from '@pgstow/testing/machine/capabilities.ts';
import { runningProcesses } from '@pgstow/testing/processes/running-processes.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { expect, it } from 'vitest';

/** Nobody's on this machine. */
const UID = 54_321;
const MODULE = fileURLToPath(new URL('scratch-user.ts', import.meta.url));

const canHaveUser = isRoot() && hasCommand('unshare') && hasCommand('setpriv') && hasCommand('mount');

it.skipIf(!canHaveUser)('what runs as the user of a scratch host is ended, whatever it does against that', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pgstow-user-'));
  try {
    const passwd = join(folder, 'passwd');
    await writeFile(passwd, `root:x:0:0::/:/bin/sh\npgstow-scratch:x:${UID}:${UID}::/nonexistent:/bin/false\n`);
    const as = (command: string) =>
      startProcess({
        command: 'setpriv',
        args: ['--reuid', String(UID), '--regid', String(UID), '--clear-groups', '--', 'sh', '-c', command],
      });
    await using sleeping = await as('trap "" TERM HUP INT; while :; do sleep 61234; done');
    await eventually(() => runningProcesses().some(({ command }) => command === 'sleep 61234'));
    // It stops whatever else its user runs, the shell that is to end it as well.
    await using stopping = await as('trap "" TERM; echo ready; while :; do kill -STOP -1; done');
    await stopping.waitForLine(/ready/);

    const ending = `import { endHostUser } from ${JSON.stringify(MODULE)}; await endHostUser();`;
    // With its user among those of the machine, for it alone.
    const script = `mount --bind '${passwd}' /etc/passwd && exec '${process.execPath}' --input-type=module --eval '${ending}'`;
    await using ends = await startProcess({ command: 'unshare', args: ['--mount', '--', 'sh', '-c', script] });
    const exit = await ends.waitForExit();
    expect({ code: exit.code, said: ends.tail }).toEqual({ code: 0, said: '' });
    expect([sleeping.exit?.signal, stopping.exit?.signal]).toEqual(['SIGKILL', 'SIGKILL']);
    expect(runningProcesses().filter(({ command }) => command === 'sleep 61234')).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
