import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from '../machine/find-program.ts';
import { unprivilegedUser } from '../machine/system-user.ts';
import { tempFolder } from '../machine/temp-folder.ts';
import { BoundProcess } from '../processes/bound-process.ts';
import type { PostgresServer } from './postgres-server.ts';
import { startOnPort } from './start-on-port.ts';

export const hasPgbouncer = (): boolean => findProgram('pgbouncer') !== undefined;

/** Starts pgbouncer on 127.0.0.1 before a server, for any database of it and whoever connects. */
export async function startPgbouncer(
  server: PostgresServer,
  poolMode: 'transaction' | 'session' | 'statement',
): Promise<AsyncDisposable & { readonly port: number }> {
  const user = unprivilegedUser();
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await tempFolder('pgstow-pgbouncer-', user)).path;
  const settings = join(folder, 'pgbouncer.ini');
  const started = await startOnPort(undefined, async (port) => {
    const { host, port: serverPort, user: role, password } = server;
    await writeFile(
      settings,
      `[databases]\n* = host=${host} port=${serverPort} user=${role} password=${password}\n[pgbouncer]\n` +
        `listen_addr=127.0.0.1\nlisten_port=${port}\nunix_socket_dir=\nauth_type=any\npool_mode=${poolMode}\ndefault_pool_size=6\n`,
      { mode: 0o644 },
    );
    const pooler = await BoundProcess.start({
      command: 'pgbouncer',
      args: [settings],
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
      cwd: folder,
      user,
    });
    await pooler.waitForLine(/process up/);
    return pooler;
  });
  cleanup.use(started.server);
  const owned = cleanup.move();
  return { port: started.port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
