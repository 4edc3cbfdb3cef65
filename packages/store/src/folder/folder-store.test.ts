import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describeStore } from '../../testing/store-contract.ts';
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
