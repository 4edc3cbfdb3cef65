import { once } from 'node:events';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { testedMajor } from '@pgstow/testing/machine/tested-postgres.ts';
import { runningProcesses } from '@pgstow/testing/processes/running-processes.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NoScratchServerError } from './choose-scratch-programs.ts';
import { findPostgres } from './end-postgres.ts';
import { NoRoomError } from './scratch-disk.ts';
import { lookAtScratchHost } from './scratch-host-client.ts';
import { startScratchHost } from './scratch-host.ts';
import { startScratchServer } from './scratch-server.ts';

const MIB = 1024 * 1024;
const never = new AbortController().signal;
const log = createLog('scratch-host', 'fatal', (text) => text);

describe.skipIf(!hasPostgres())('a scratch host', () => {
  let parent: TempFolder;
  let major: number;
  const newFolder = async (name: string): Promise<string> => {
    const folder = join(parent.path, name);
    await mkdir(folder, { mode: 0o755 });
    return folder;
  };
  const start = (folder: string, others: { readonly diskBytes?: number; readonly signal?: AbortSignal } = {}) =>
    startScratchServer({
      folder: join(parent.path, 'nothing-of-a-worker'),
      major,
      encoding: 'UTF8',
      collate: 'C.UTF-8',
      ctype: 'C.UTF-8',
      memoryBytes: 128 * MIB,
      host: { folder, diskBytes: others.diskBytes },
      signal: others.signal ?? never,
    });
  const servers = async (folder: string): Promise<readonly string[]> =>
    (await readdir(folder)).filter((name) => name.startsWith('server-'));

  beforeAll(async () => {
    parent = await tempFolder('pgstow-host-test-', unprivilegedUser());
    major = testedMajor();
  });
  afterAll(() => parent[Symbol.asyncDispose]());

  it('says which servers it has, and how much room', async () => {
    const folder = await newFolder('looks');
    await using _host = await startScratchHost({ folder, log });
    const { majors, extensions, roomBytes } = await lookAtScratchHost(folder, never);
    expect(majors).toContain(major);
    expect(extensions?.[major]).toContain('plpgsql');
    expect(roomBytes).toBeGreaterThan(MIB);
  });

  it('runs a server until it is let go of, and leaves nothing', async () => {
    const folder = await newFolder('runs');
    await using _host = await startScratchHost({ folder, log });
    const server = await start(folder);
    await server.createDatabase('Ü');
    expect(await server.query('Ü', 'select current_database(), 1')).toBe('Ü\t1');
    const [name] = await servers(folder);
    // Whoever gets to the folder gets to the socket, and nobody but its user to the data.
    expect((await stat(join(folder, name!, 'data'))).mode & 0o777).toBe(0o700);
    await server[Symbol.asyncDispose]();
    expect(await servers(folder)).toEqual([]);
    expect(runningProcesses().filter(({ command }) => command.includes(folder))).toEqual([]);
  });

  it('ends a server once the one that asked for it is gone, as by SIGKILL, and one that is only starting', async () => {
    const folder = await newFolder('let-go');
    await using _host = await startScratchHost({ folder, log });
    for (const isReady of [true, false]) {
      const socket = connect(join(folder, 'host.sock'));
      socket.write(`${JSON.stringify({ ask: 'start', major, memoryBytes: 128 * MIB })}\n`);
      if (isReady) await once(socket, 'data');
      else await eventually(async () => (await servers(folder)).length === 1);
      socket.destroy();
      await eventually(async () => (await servers(folder)).length === 0);
      expect(runningProcesses().filter(({ command }) => command.includes(folder))).toEqual([]);
    }
  });

  it('runs one at a time, and the next in its turn, but for those who gave up', async () => {
    const folder = await newFolder('turns');
    await using _host = await startScratchHost({ folder, log });
    const first = await start(folder);
    const impatient = start(folder, { signal: AbortSignal.timeout(100) });
    const second = start(folder);
    await expect(impatient).rejects.toThrow(/timeout/);
    expect(await servers(folder)).toHaveLength(1);
    await first[Symbol.asyncDispose]();
    await using next = await second;
    expect(await next.query('postgres', 'select 1')).toBe('1');
    expect(await servers(folder)).toHaveLength(1);
  });

  it('says why a server ended, and lets the next start', async () => {
    const folder = await newFolder('ended');
    await using _host = await startScratchHost({ folder, log });
    {
      await using server = await start(folder);
      const [name] = await servers(folder);
      for (const pid of await findPostgres(join(folder, name!, 'data'))) process.kill(pid, 'SIGKILL');
      await eventually(() => server.signal.aborted);
      expect(String(server.signal.reason)).toContain('the scratch server ended (SIGKILL)');
    }
    await using server = await start(folder);
    expect(await server.query('postgres', 'select 1')).toBe('1');
  });

  it('ends a server that takes more of the disk than it may', async () => {
    const folder = await newFolder('large');
    await using _host = await startScratchHost({ folder, log });
    await using server = await start(folder, { diskBytes: 100 * MIB });
    // A fast disk has it before anybody looks.
    const sql = "select repeat('x', 1000) as a into t from generate_series(1, 500000); select pg_sleep(600)";
    const filling = server.query('postgres', sql);
    await expect(filling).rejects.toThrow('the scratch server refused');
    await eventually(() => server.signal.aborted);
    expect(server.signal.reason).toBeInstanceOf(NoRoomError);
    expect(String(server.signal.reason)).toContain('took more than 105 MB');
  });

  it('names the major version that is missing', async () => {
    const folder = await newFolder('missing');
    await using _host = await startScratchHost({ folder, log });
    const socket = connect(join(folder, 'host.sock'));
    socket.write(`${JSON.stringify({ ask: 'start', major: 99, memoryBytes: 128 * MIB })}\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    const { fault } = JSON.parse(answer.toString()) as { fault: { name: string; message: string } };
    expect(fault).toMatchObject({
      name: NoScratchServerError.name,
      message: expect.stringContaining('there is no PostgreSQL server 99 here'),
    });
  });

  it.each([
    ['no JSON', 'let me in\n'],
    ['nothing that it knows', '{"ask":"everything"}\n'],
    ['a line without an end', 'x'.repeat(100_000)],
    ['a version that is no number', '{"ask":"start","major":"../../bin","memoryBytes":1}\n'],
  ])('hangs up on whoever says %s, and goes on', async (_, text) => {
    const folder = await newFolder(`nonsense-${text.length}`);
    await using _host = await startScratchHost({ folder, log });
    const socket = connect(join(folder, 'host.sock'));
    socket.on('error', () => undefined).resume();
    const closed = once(socket, 'close');
    socket.write(text);
    await closed;
    expect((await lookAtScratchHost(folder, never)).majors).toContain(major);
  });

  it('ends, though somebody has connected and says nothing', async () => {
    const folder = await newFolder('silent');
    const host = await startScratchHost({ folder, log });
    const socket = connect(join(folder, 'host.sock'));
    await once(socket, 'connect');
    // It has taken the silent one before this one.
    await lookAtScratchHost(folder, never);
    await expect(host[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });

  it('lets go of whoever has its answer, and holds on', async () => {
    const folder = await newFolder('half-open');
    await using _host = await startScratchHost({ folder, log });
    const socket = connect({ path: join(folder, 'host.sock'), allowHalfOpen: true });
    socket.on('error', () => undefined).resume();
    socket.write('{"ask":"look"}\n');
    await once(socket, 'end');
    // It has closed its side for good: nobody reads there any more.
    await eventually(() => {
      socket.write('x');
      expect(socket.closed).toBe(true);
    });
  });

  it('removes what one before it has left, and nothing else; two do not share a folder', async () => {
    const folder = await newFolder('left');
    await mkdir(join(folder, 'server-0a1b2c', 'data'), { recursive: true });
    await writeFile(join(folder, 'server-notes'), '');
    await using _host = await startScratchHost({ folder, log });
    expect(await servers(folder)).toEqual(['server-notes']);
    await expect(startScratchHost({ folder, log })).rejects.toThrow('another scratch host runs in');
  });

  it('that hangs is named, with what to look at', async () => {
    const folder = await newFolder('hangs');
    await using hanging = createServer((socket) => socket.resume()).listen(join(folder, 'host.sock'));
    await once(hanging, 'listening');
    await expect(lookAtScratchHost(folder, never, 100)).rejects.toMatchObject({
      message: 'the scratch host gave no answer',
      hint: 'Is the service scratch-host running? Its log says why it does not.',
    });
  });

  it('that is not there is named, with what to look at', async () => {
    const folder = await newFolder('absent');
    await expect(start(folder)).rejects.toMatchObject({
      message: expect.stringContaining(`the scratch host does not answer at ${folder}/host.sock`),
      hint: 'Is the service scratch-host running? Its log says why it does not.',
    });
  });

  it('ends its server when it ends, and tells who uses it', async () => {
    const folder = await newFolder('ends');
    const host = await startScratchHost({ folder, log });
    await using server = await start(folder);
    await host[Symbol.asyncDispose]();
    await eventually(() => server.signal.aborted);
    expect(String(server.signal.reason)).toContain('the scratch host has ended');
    expect(await servers(folder)).toEqual([]);
  });
});
