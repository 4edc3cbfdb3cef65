import { chown, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCommand, isRoot } from '@pgstow/testing/machine/capabilities.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { describe, expect, it, vi } from 'vitest';
import { removeTree } from './remove-tree.ts';
import { takeBack } from './take-back.ts';

const FILES = 300;

it('a folder whose removal does not end is given up, and said to be there', async () => {
  await using folder = await tempFolder('pgstow-remove-');
  await using programs = await tempFolder('pgstow-programs-');
  await writeFile(join(programs.path, 'rm'), '#!/bin/sh\nexec sleep 61237\n', { mode: 0o755 });
  vi.stubEnv('PATH', `${programs.path}:${process.env['PATH']}`);
  try {
    await expect(removeTree(folder.path, 300)).rejects.toThrow(`cannot remove ${folder.path} within 0.3 s`);
  } finally {
    vi.unstubAllEnvs();
  }
});

describe.skipIf(!isRoot() || !hasCommand('setpriv'))('a folder that another user may change', () => {
  const user = unprivilegedUser()!;

  it('is removed, and nothing outside of it, while that user puts a link in the place of a folder', async () => {
    await using parent = await tempFolder('pgstow-remove-', user);
    await using outside = await tempFolder('pgstow-outside-');
    const names = Array.from({ length: FILES }, (_, index) => `file-${index}`);
    for (const name of names) await writeFile(join(outside.path, name), '');
    const folder = join(parent.path, 'server');
    await mkdir(join(folder, 'inner'), { recursive: true });
    for (const name of names) await writeFile(join(folder, 'inner', name), '');
    for (const path of [folder, join(folder, 'inner')]) await chown(path, user.uid, user.gid);
    const swap = `cd ${folder}; echo ready; while :; do mv inner away; ln -s ${outside.path} inner; rm inner; mv away inner; done 2>/dev/null`;
    const { uid, gid } = user;
    const args = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--', 'sh', '-c', swap];
    await using swapping = await startProcess({ command: 'setpriv', args });
    await swapping.waitForLine(/ready/);
    await removeTree(folder);
    await expect(stat(folder)).rejects.toThrow('ENOENT');
    expect(await readdir(outside.path)).toHaveLength(FILES);
  });

  it('is given back to root, and what a link in its place leads to is not', async () => {
    await using parent = await tempFolder('pgstow-remove-', user);
    const folder = join(parent.path, 'server');
    await mkdir(folder);
    await chown(folder, user.uid, user.gid);
    const link = join(parent.path, 'link');
    await symlink(folder, link);
    await takeBack(link);
    expect((await stat(folder)).uid).toBe(user.uid);
    await takeBack(folder);
    const { uid, mode } = await stat(folder);
    expect({ uid, mode: mode & 0o777 }).toEqual({ uid: 0, mode: 0o700 });
  });
});
