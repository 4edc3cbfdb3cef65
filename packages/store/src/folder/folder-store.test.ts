import {
  chmod,
  link,
  mkdir,
  mkdtempDisposable,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { canMountTmpfs, isRoot } from '@pgstow/testing/machine/capabilities.ts';
import { smallDisk } from '@pgstow/testing/machine/small-disk.ts';
import { expect, describe, it } from 'vitest';
import { describeStore } from '../../testing/store-contract.ts';
import { translateFolderError } from './folder-fault.ts';
import { MARKER } from './folder-marker.ts';
import { FolderStore } from './folder-store.ts';
import { newPartial, objectPath } from './object-path.ts';

const storeAt = (folder: string): FolderStore =>
  new FolderStore({ destination: { name: 'copy', folder, prefix: '' }, timeoutMs: 60_000 });

describeStore('a folder', async () => {
  const folder = await mkdtempDisposable(join(tmpdir(), 'pgstow-folder-'));
  await writeFile(join(folder.path, MARKER), '');
  return {
    store: storeAt(folder.path),
    withoutBucket: storeAt(join(folder.path, 'elsewhere')),
    absent: 'Mount it',
    listsOpenUploads: true,
    leaveOpen: async (key: string) => {
      const partial = newPartial(objectPath(folder.path, key));
      await mkdir(dirname(partial), { recursive: true });
      await writeFile(partial, 'half of it');
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});

describe('a folder', () => {
  const { signal } = new AbortController();
  const text = { mode: 'create', contentType: 'text/plain', metadata: {}, signal } as const;

  async function setFolder() {
    const folder = await mkdtempDisposable(join(tmpdir(), 'pgstow-folder-'));
    await writeFile(join(folder.path, MARKER), '');
    const at = (path: string) => join(folder.path, path);
    return {
      at,
      path: folder.path,
      store: storeAt(folder.path),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  }

  it('that is not mounted is never written to, nor one that is unmounted meanwhile', async () => {
    await using folder = await setFolder();
    const { store } = folder;
    await store.putText('kept', 'x', text);
    await rename(folder.at(MARKER), folder.at('aside'));
    for (const work of [
      () => store.putText('new', 'x', text),
      () => store.look('kept', signal),
      () => Array.fromAsync(store.list('', signal)),
      () => store.listOpenUploads('', signal),
      () => store.delete('kept', signal),
      () => store.abortUpload({ key: 'kept', id: '00000000', startedAt: new Date() }, signal),
    ])
      await expect(work()).rejects.toThrow(
        expect.objectContaining({
          name: 'PermanentError',
          message: expect.stringContaining(`is not mounted at ${folder.path}`),
        }),
      );
    expect((await readdir(folder.path)).sort()).toEqual(['.pgstow', 'aside', 'kept']);
    await rename(folder.at('aside'), folder.at(MARKER));
    expect((await store.look('kept', signal))?.bytes).toBe(1);
    // A folder or a link of that name is no marker.
    await rm(folder.at(MARKER));
    await symlink('/etc/passwd', folder.at(MARKER));
    await expect(store.look('kept', signal)).rejects.toThrow(PermanentError);
  });

  it('is left by no symbolic link, and no key leads out of it', async () => {
    await using folder = await setFolder();
    await using outside = await mkdtempDisposable(join(tmpdir(), 'pgstow-outside-'));
    const { store } = folder;
    await writeFile(join(outside.path, 'theirs'), 'theirs');
    await symlink(join(outside.path, 'theirs'), folder.at('link'));
    await symlink(outside.path, folder.at('away'));
    await expect(store.look('link', signal)).rejects.toThrow('is not a file');
    await expect(Array.fromAsync(store.read('link', signal))).rejects.toThrow(PermanentError);
    expect(await store.putText('link', 'ours', text)).toBe('occupied');
    await expect(store.putText('away/new', 'ours', text)).rejects.toThrow('is not a folder');
    await expect(store.look('away/theirs', signal)).rejects.toThrow('is not a folder');
    await expect(store.delete('link', signal)).rejects.toThrow(PermanentError);
    expect(await Array.fromAsync(store.list('', signal))).toEqual([]);
    for (const key of ['../x', '/x', 'a//x', 'a/../x', '.pgstow/x', '', 'a\0'])
      await expect(store.putText(key, 'ours', text)).rejects.toThrow('expected a key');
    await store.putText('link', 'ours', { ...text, mode: 'replace' });
    expect(await readFile(join(outside.path, 'theirs'), 'utf8')).toBe('theirs');
    expect(await readdir(outside.path)).toEqual(['theirs']);
  });

  it('tells a file that was written to since, whatever it keeps of it, and one of which it knows nothing', async () => {
    await using folder = await setFolder();
    const { store } = folder;
    await store.putText('a', 'content', text);
    expect((await store.look('a', signal))?.checksums.sha256).toBeDefined();
    await writeFile(folder.at('a'), 'contents');
    expect((await store.look('a', signal))?.checksums.sha256).toBeUndefined();
    await rm(folder.at('.pgstow'), { recursive: true });
    expect(await store.look('a', signal)).toMatchObject({ bytes: 8, metadata: {}, checksums: { sha256: undefined } });
    await store.putText('b', 'x', text);
    await link(folder.at('b'), folder.at('c'));
    await writeFile(folder.at('.pgstow/b.metadata.json'), '{"version":1,"sha256":7}');
    expect(await store.look('b', signal)).toMatchObject({ bytes: 1, metadata: {} });
  });

  it.skipIf(!canMountTmpfs())('that is full takes nothing of a file, and says how to go on', async () => {
    await using disk = await smallDisk(1024 * 1024);
    await writeFile(join(disk.path, MARKER), '');
    const store = storeAt(disk.path);
    await store.putText('small', 'x', text);
    await expect(store.putText('large', 'x'.repeat(2 * 1024 * 1024), text)).rejects.toThrow(
      expect.objectContaining({ name: 'PermanentError', hint: expect.stringContaining('is full. Make room') }),
    );
    expect(await store.look('large', signal)).toBeUndefined();
    expect(await store.listOpenUploads('', signal)).toEqual([]);
    expect((await readdir(disk.path)).sort()).toEqual(['.pgstow', MARKER, 'small']);
  });

  it.skipIf(isRoot())('that may not be written to says who is to be let in', async () => {
    await using folder = await setFolder();
    await chmod(folder.path, 0o500);
    await expect(folder.store.putText('a', 'x', text)).rejects.toThrow(
      expect.objectContaining({ hint: expect.stringContaining('read and write in') }),
    );
    await chmod(folder.path, 0o700);
  });

  it.each([
    ['EROFS', 'PermanentError', 'mounted read-only'],
    ['EACCES', 'PermanentError', 'read and write in /nas'],
    ['EDQUOT', 'PermanentError', 'quota'],
    ['EFBIG', 'PermanentError', 'no file this large'],
    ['ESTALE', 'RetryableError', 'Mount it anew'],
    ['EIO', 'RetryableError', 'dmesg'],
    ['EHOSTDOWN', 'RetryableError', 'does not answer'],
  ])('that answers %s is a %s with a hint', (code, name, hint) => {
    const error = Object.assign(new Error(`${code}: as the kernel says, write`), { code });
    expect(translateFolderError(error, 'put /nas/a', { name: 'copy', folder: '/nas', prefix: '' })).toMatchObject({
      name,
      message: `put /nas/a: ${code}: as the kernel says, write`,
      hint: expect.stringContaining(hint),
    });
  });
});
