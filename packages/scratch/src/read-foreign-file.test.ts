import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { readForeignFile } from './read-foreign-file.ts';

it('reads the beginning of a file, and nothing else that lies there', async () => {
  await using folder = await tempFolder();
  const at = (name: string): string => join(folder.path, name);
  await writeFile(at('file'), '1234\nmore');
  await symlink(at('file'), at('link'));
  await mkdir(at('folder'));
  // A FIFO without a writer: whoever opens it to read waits for ever.
  await execa('mkfifo', [at('pipe')]);
  expect(await readForeignFile(at('file'), 5)).toBe('1234\n');
  expect(await readForeignFile(at('file'), 100)).toBe('1234\nmore');
  for (const name of ['link', 'folder', 'pipe', 'none']) expect(await readForeignFile(at(name), 100)).toBeUndefined();
});
