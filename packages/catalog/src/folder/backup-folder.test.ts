import { statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { expect, it } from 'vitest';
import { assertFolderWritable, assertRoom, folderError, NoSpaceError, unreadableFolder } from './backup-folder.ts';

const fault = (code: string) => Object.assign(new Error(code), { code });

it('a folder that is there will do; none, or a file, is for a person to mend', async () => {
  await using folder = await tempFolder();
  await assertFolderWritable(folder.path);
  const missing = join(folder.path, 'missing');
  await expect(assertFolderWritable(missing)).rejects.toThrow(`${missing} does not exist`);
  await writeFile(join(folder.path, 'file'), '');
  await expect(assertFolderWritable(join(folder.path, 'file'))).rejects.toThrow('is not a folder');
});

it('a folder that is not ours to write to is named as the host has it', () => {
  const who = `${process.getuid?.()}:${process.getgid?.()}`;
  expect(folderError(fault('EACCES'), '/backups', '/mnt/my dumps')).toMatchObject({
    message: `cannot write to /backups as user ${who}`,
    hint: `Let this user write there: chown -R ${who} '/mnt/my dumps'`,
  });
});

it('a folder that may not be read is said to be that, and not to be written to', () => {
  expect(unreadableFolder(fault('EACCES'), '/b')).toMatchObject({
    message: expect.stringMatching(/may not read \/b$/),
  });
  expect(unreadableFolder(fault('ENOENT'), '/b')).toMatchObject({ message: '/b does not exist' });
});

it('a dump needs half as much again as the last one, or the first time half of what the database takes', async () => {
  await using folder = await tempFolder();
  const { bavail, bsize } = await statfs(folder.path);
  const free = bavail * bsize;
  await assertRoom(folder.path, free / 4, Number.MAX_SAFE_INTEGER);
  await assertRoom(folder.path, undefined, free / 4);
  await expect(assertRoom(folder.path, free, 0)).rejects.toThrow(NoSpaceError);
  await expect(assertRoom(folder.path, undefined, free * 4)).rejects.toThrow(/free, and the dump needs about/);
});

it('a full disk is tried again, what a person must mend is not, and anything else stays as it is', () => {
  expect(folderError(fault('ENOSPC'), '/b')).toBeInstanceOf(NoSpaceError);
  expect(folderError(fault('EDQUOT'), '/b')).toBeInstanceOf(NoSpaceError);
  for (const code of ['EACCES', 'EPERM', 'EROFS', 'ENOENT'])
    expect(folderError(fault(code), '/b')).toBeInstanceOf(PermanentError);
  const other = fault('EIO');
  expect(folderError(other, '/b')).toBe(other);
});
