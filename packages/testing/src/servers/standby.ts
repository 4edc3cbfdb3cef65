import { join } from 'node:path';
import { execa } from 'execa';
import { eventually } from '../eventually.ts';
import { unprivilegedUser } from '../machine/system-user.ts';
import { tempFolder } from '../machine/temp-folder.ts';
import { BoundProcess, describeExit } from '../processes/bound-process.ts';
import type { PostgresServer } from './postgres-server.ts';
import { startOnPort } from './start-on-port.ts';

export interface Standby extends AsyncDisposable {
  readonly port: number;
}

/**
 * Starts a hot standby of a server that was started with `wal_level=replica` and `max_wal_senders`. It has the primary's users, and waits
 * for no query that stands in the way of what it replays.
 *
 * @param settings more settings of the standby
 */
export async function startStandby(
  primary: PostgresServer,
  { localeFolder, settings = {} }: { localeFolder?: string; settings?: Readonly<Record<string, string>> } = {},
): Promise<Standby> {
  const user = unprivilegedUser();
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await tempFolder('pgstow-pg-', user)).path;
  const dataDir = join(folder, 'data');
  const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8', TZ: 'UTC', HOME: folder };
  await using copy = await BoundProcess.start({
    command: join(primary.binDir, 'pg_basebackup'),
    args: ['--pgdata', dataDir, '--write-recovery-conf', '--checkpoint=fast', '--wal-method=stream'],
    env: { ...env, ...primary.env('') },
    cwd: folder,
    user,
  });
  const exit = await copy.waitForExit();
  if (exit.code !== 0) throw new Error(`pg_basebackup ${describeExit(exit)}; its newest output:\n${copy.tail}`);
  const { port, server } = await startOnPort(undefined, async (free) => {
    const all = {
      listen_addresses: '127.0.0.1',
      port: String(free),
      unix_socket_directories: folder,
      fsync: 'off',
      max_standby_streaming_delay: '0',
      ...settings,
    };
    const process = await BoundProcess.start({
      command: join(primary.binDir, 'postgres'),
      args: ['-D', dataDir, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      env: { ...env, ...(localeFolder !== undefined && { LOCPATH: localeFolder }) },
      cwd: folder,
      user,
    });
    // The server reports in its own language that it is ready.
    await eventually(() => execa(join(primary.binDir, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(free)]));
    return process;
  });
  cleanup.defer(async () => {
    await server.stop('SIGINT');
    await server[Symbol.asyncDispose]();
  });
  const owned = cleanup.move();
  return { port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
