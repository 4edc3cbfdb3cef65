import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRoot } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { expect, it } from 'vitest';
import { promoteFile, writeFileAtomically } from './atomic-file.ts';

it('the file is there whole, for its owner alone, with nothing beside it', async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, 'record.json');
  await writeFileAtomically(path, 'one\n');
  await writeFileAtomically(path, 'two\n');
  expect(await readFile(path, 'utf8')).toBe('two\n');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder.path)).toEqual(['record.json']);
});

it('many writers at once leave one whole file', async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, 'record.json');
  const contents = Array.from({ length: 30 }, (_, i) => String(i).repeat(10_000 + i));
  await Promise.all(contents.map((content) => writeFileAtomically(path, content)));
  expect(contents).toContain(await readFile(path, 'utf8'));
  expect(await readdir(folder.path)).toEqual(['record.json']);
});

it('a reader never sees half of it', async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, 'record.json');
  await writeFileAtomically(path, 'a'.repeat(200_000));
  const done = new AbortController();
  const write = async () => {
    for (let i = 0; i < 50; i += 1) await writeFileAtomically(path, 'ab'[i % 2]?.repeat(200_000) ?? '');
    done.abort();
  };
  const read = async () => {
    while (!done.signal.aborted) {
      const content = await readFile(path, 'utf8');
      expect(content).toHaveLength(200_000);
      expect(new Set(content).size).toBe(1);
    }
  };
  await Promise.all([write(), read()]);
});

it('what stands in a link of that name is replaced, and where the link leads to is not touched', async () => {
  await using folder = await tempFolder();
  const target = join(folder.path, 'target');
  await writeFile(target, 'precious');
  await symlink(target, join(folder.path, 'record.json'));
  await writeFileAtomically(join(folder.path, 'record.json'), 'new');
  expect(await readFile(target, 'utf8')).toBe('precious');
});

it('a folder that is not there is an error, and so is one in the place of the file, with nothing left behind', async () => {
  await using folder = await tempFolder();
  await expect(writeFileAtomically(join(folder.path, 'missing/record.json'), 'x')).rejects.toThrow('ENOENT');
  await mkdir(join(folder.path, 'record.json'));
  await expect(writeFileAtomically(join(folder.path, 'record.json'), 'x')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
  expect(await readdir(folder.path)).toEqual(['record.json']);
});

it.skipIf(isRoot())('a folder that may not be written to is an error, with nothing left behind', async () => {
  await using folder = await tempFolder();
  await chmod(folder.path, 0o500);
  await expect(writeFileAtomically(join(folder.path, 'record.json'), 'x')).rejects.toThrow('EACCES');
  expect(await readdir(folder.path)).toEqual([]);
});

it('promoting gives a file its name', async () => {
  await using folder = await tempFolder();
  await writeFile(join(folder.path, 'a.partial'), 'x');
  await promoteFile(join(folder.path, 'a.partial'), join(folder.path, 'a'));
  expect(await readdir(folder.path)).toEqual(['a']);
});
