import { execa } from 'execa';
import { tempFolder, type TempFolder } from './temp-folder.ts';

/** A folder on its own small disk (a tmpfs), to fill up. It needs `canMountTmpfs()`. Dispose unmounts and removes it. */
export async function smallDisk(sizeBytes: number): Promise<TempFolder> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await tempFolder('pgstow-disk-'));
  await execa('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes},mode=0700`, 'tmpfs', folder.path]);
  cleanup.defer(async () => {
    // Lazily: a process that was just killed may still have a file open.
    await execa('umount', ['-l', folder.path]);
  });
  const owned = cleanup.move();
  return { path: folder.path, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
