import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { hasPostgres, hasRedis } from '../machine/capabilities.ts';
import { tempFolder } from '../machine/temp-folder.ts';
import { startPostgres } from '../servers/postgres-server.ts';
import { startRedis } from '../servers/redis-server.ts';
import { LeakCheck } from './leak-check.ts';
import { startProcess } from './worker-process.ts';

const { PATH, TMPDIR } = process.env;
let check: LeakCheck;
beforeEach(() => {
  check = new LeakCheck();
});
afterEach(async () => {
  // What a test has found is gone by now.
  await check.end();
  process.env['PATH'] = PATH;
  if (TMPDIR === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = TMPDIR;
});

it('names a child, a server that listens, and a temp folder', async () => {
  await using child = await startProcess({ command: 'sleep', args: ['61239'] });
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await using folder = await tempFolder();
  const found = [
    `process ${child.pid}: /usr/bin/sleep 61239`,
    `a server of the tests that listens on port ${port}`,
    `temp folder ${folder.path}`,
  ];
  expect(check.find().map((line) => line.replace(/\/\S*sleep/, '/usr/bin/sleep'))).toEqual(found);
  await expect(check.end({ timeoutMs: 1 })).rejects.toThrow(/wanted nothing left of these tests, found\nprocess \d+/);
  server.close();
  await once(server, 'close');
});

it('names an orphan whose parent was killed, in a session of its own', async () => {
  const parent = await startProcess({ command: 'sh', args: ['-c', 'setsid sleep 61238 & echo $!; wait'] });
  const orphan = Number((await parent.waitForLine(/^\d+$/)).text);
  const line = `process ${orphan}: sleep 61238`;
  await eventually(() => check.find().includes(line));
  await parent.kill();
  expect(check.find()).toEqual([line]);
  process.kill(orphan);
});

it.skipIf(!hasPostgres() || !hasRedis())('names servers that have written over their environment', async () => {
  await using _postgres = await startPostgres();
  await using _redis = await startRedis();
  expect(check.find().join('\n')).toMatch(/postgres -D[^]*redis-server/);
});
