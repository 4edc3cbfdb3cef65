import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { execa } from 'execa';
import { afterEach, expect, test, vi } from 'vitest';
import { openPipe } from './open-pipe.ts';

afterEach(() => vi.unstubAllEnvs());

test('a pipe carries what one process writes to another, ends with its writer, and has no name', async () => {
  await using folder = await tempFolder('pgstow-pipe-');
  vi.stubEnv('TMPDIR', folder.path);
  await using pipe = await openPipe();
  expect(await readdir(folder.path)).toEqual([]);

  const writer = execa('seq', ['100000'], { stdout: pipe.writeEnd.fd as 1, buffer: false });
  const reader = execa('tail', ['-n', '1'], { stdin: pipe.readEnd.fd as 0 });
  await pipe[Symbol.asyncDispose]();
  await writer;
  expect((await reader).stdout).toBe('100000');
});

test('a writer whose reader has ended is told so', async () => {
  await using pipe = await openPipe();
  const writer = execa('yes', { stdout: pipe.writeEnd.fd as 1, buffer: false, reject: false });
  const reader = execa('true', { stdin: pipe.readEnd.fd as 0 });
  await pipe[Symbol.asyncDispose]();
  await reader;
  expect((await writer).signal).toBe('SIGPIPE');
});

test('a folder for temporary files that takes none is named, with what to do', async () => {
  await using folder = await tempFolder('pgstow-pipe-');
  const missing = join(folder.path, 'missing');
  vi.stubEnv('TMPDIR', missing);
  await expect(openPipe()).rejects.toMatchObject({
    name: 'RetryableError',
    message: expect.stringMatching(/^cannot make a pipe between pg_dump and the compressor: mkfifo: .*No such file/),
    hint: expect.stringContaining(missing),
  });
});
