import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findProgram } from '../machine/find-program.ts';
import { tempFolder } from '../machine/temp-folder.ts';
import { BoundProcess } from '../processes/bound-process.ts';
import { startOnPort } from './start-on-port.ts';

export interface RedisOptions {
  /** Whether data survive a restart, even by `kill()`: each write is synced. */
  readonly appendOnly?: boolean;
  /** The port; a free one unless given. */
  readonly port?: number;
  /** The password; none unless given. */
  readonly password?: string;
  /** The folder of the data; unless given, a private temp folder, removed on dispose. */
  readonly dir?: string;
}

export interface RedisServer extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly url: string;
  /** The running server's process; the last one's while it is stopped. */
  readonly pid: number;
  readonly isRunning: boolean;
  /** Starts again on the same port; with `appendOnly`, with the same data. */
  start(): Promise<void>;
  /** Shuts down in good order. */
  stop(): Promise<void>;
  /** Kills the server as a crash would, with SIGKILL. */
  kill(): Promise<void>;
  /** Stops the server if it runs, and starts it. */
  restart(): Promise<void>;
  /** Empties all of Redis. */
  flush(): Promise<void>;
  /** Sends one command, without quoting, and returns the first line of the reply (`+PONG`, `:1`). */
  command(line: string): Promise<string>;
}

/** A private Redis on 127.0.0.1 with `maxmemory-policy noeviction` and no password. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const program = findProgram('redis-server');
  if (!program) throw new Error('wanted redis-server on PATH or in /usr/bin, found none');
  await using cleanup = new AsyncDisposableStack();
  const dir = options.dir ?? cleanup.use(await tempFolder('pgstow-redis-')).path;

  const { password } = options;
  const launch = (port: number) => startServer(program, port, dir, options.appendOnly ?? false, password);
  const started = await startOnPort(options.port, launch);
  const { port } = started;
  let { server } = started;
  cleanup.defer(async () => {
    await server[Symbol.asyncDispose]();
  });

  const start = async () => {
    if (server.exit) server = await launch(port);
  };
  const stop = async () => {
    await server.stop('SIGTERM');
  };
  const owned = cleanup.move();
  return {
    host: '127.0.0.1',
    port,
    url: `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    get pid() {
      return server.pid;
    },
    get isRunning() {
      return server.exit === undefined;
    },
    start,
    stop,
    kill: async () => {
      await server.kill();
    },
    restart: async () => {
      await stop();
      await start();
    },
    flush: async () => {
      const reply = await send(port, 'FLUSHALL', password);
      if (reply !== '+OK') throw new Error(`wanted +OK to FLUSHALL, got ${reply}`);
    },
    command: (line) => send(port, line, password),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function startServer(
  program: string,
  port: number,
  dir: string,
  appendOnly: boolean,
  password: string | undefined,
): Promise<BoundProcess> {
  // Everyone may read a command line.
  const file = join(dir, 'password.conf');
  if (password !== undefined) await writeFile(file, `requirepass ${JSON.stringify(password)}\n`, { mode: 0o600 });
  const settings = {
    bind: '127.0.0.1',
    port: String(port),
    save: '',
    appendonly: appendOnly ? 'yes' : 'no',
    appendfsync: 'always',
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
  };
  const server = await BoundProcess.start({
    command: program,
    args: [
      ...(password === undefined ? [] : [file]),
      ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    ],
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    cwd: dir,
  });
  try {
    await server.waitForLine(/Ready to accept connections/);
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

async function send(port: number, line: string, password?: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8').setTimeout(10_000);
  try {
    socket.once('timeout', () => socket.destroy(new Error(`redis did not answer ${line} within 10 s`)));
    await once(socket, 'connect');
    if (password !== undefined) {
      socket.write(`AUTH ${JSON.stringify(password)}\r\n`);
      await once(socket, 'data');
    }
    socket.write(`${line}\r\n`);
    let reply = '';
    while (!reply.includes('\r\n')) reply += ((await once(socket, 'data')) as [string])[0];
    return reply.slice(0, reply.indexOf('\r\n'));
  } finally {
    socket.destroy();
  }
}
